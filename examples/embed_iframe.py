"""Meetings in the pages of somebody's own application, in a frame: the application's login decides who enters.

    pip install visavis fastapi
    uvicorn examples.embed_iframe:app

Sign in at ``/sign-in/ann``, which leads to ``/meetings/atrium``. Visavis is mounted in the application, so the frame is
of the same origin: it has the login's cookie, and no setting is needed. See docs/embedding.md.
"""

import html
import os
from urllib.parse import quote

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.middleware.sessions import SessionMiddleware

from visavis import EmbeddedOptions, User, Visavis

USERS = {"ann": "Ann Arbor", "ben": "Ben Nevis"}


def who_is_it(request: Request) -> User:
    """Tells Visavis who sends a request: here, whoever has signed in."""
    user = request.session.get("user")
    if user is None:
        raise HTTPException(401, "Sign in first.")
    return User(identity=user, name=USERS[user])


video = Visavis(
    EmbeddedOptions(
        keys={"mykey": os.environ.get("VIDEO_SECRET", "only for this example, choose your own")},
        udp_port=int(os.environ.get("VIDEO_UDP_PORT", "7882")),
        tcp_port=int(os.environ.get("VIDEO_TCP_PORT", "7881")),
    ),
    identify=who_is_it,
)

app = FastAPI(lifespan=video.lifespan)
app.add_middleware(SessionMiddleware, secret_key=os.environ.get("SESSION_SECRET", "also only for this example"))
app.mount("/video", video)

_PAGE = """<!doctype html>
<html lang="en">
  <title>{title}</title>
  <h1>{title}</h1>
  <p id="who" role="status">Nobody is here yet.</p>
  <button type="button" id="quiet">Mute me</button>
  <iframe
    title="Video call: {title}"
    src="{address}"
    allow="camera; microphone; display-capture; autoplay; fullscreen; picture-in-picture"
    style="width: 100%; height: 80vh; border: 0"
  ></iframe>
  <script>
    const frame = document.querySelector('iframe');
    const people = new Map();
    addEventListener('message', ({{ source, origin, data }}) => {{
      if (source !== frame.contentWindow || origin !== location.origin || data.visavis !== 1) return;
      if (data.type === 'joined' || data.type === 'participant-joined') people.set(data.identity, data.name);
      if (data.type === 'participant-left') people.delete(data.identity);
      if (data.type === 'left') people.clear();
      document.getElementById('who').textContent = [...people.values()].join(', ') || 'Nobody is here yet.';
    }});
    document.getElementById('quiet').addEventListener('click', () => {{
      frame.contentWindow.postMessage({{ visavis: 1, type: 'mute', device: 'microphone' }}, location.origin);
    }});
  </script>
</html>"""


@app.get("/meetings/{room}")
async def meeting(room: str, request: Request) -> HTMLResponse:
    """A page of the application, with the room in it."""
    who_is_it(request)
    address = f"{request.scope.get('root_path', '')}/video/r/{quote(room, safe='')}?embed=1&accent=7a1fa2"
    return HTMLResponse(_PAGE.format(title=html.escape(room), address=html.escape(address)))


@app.get("/sign-in/{user}")
async def sign_in(user: str, request: Request) -> RedirectResponse:
    """Stands for your own way to sign people in."""
    if user not in USERS:
        raise HTTPException(404, f"Nobody is called {user!r}.")
    request.session["user"] = user
    return RedirectResponse("/meetings/atrium")
