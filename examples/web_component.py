"""Meetings in the pages of somebody's own application by `<visavis-room>`, with the video server at another origin.

    pip install starlette itsdangerous uvicorn livekit-api
    visavis dev --frame-ancestors http://127.0.0.1:8000
    uvicorn examples.web_component:app

Sign in at ``http://127.0.0.1:8000/sign-in/ann``. Frames of other sites have no cookies of the application, so it gives
each person a token: for one room, under the person's own name. The token stands behind ``#`` in the frame's address,
which no server is sent. See docs/embedding.md.
"""

import datetime
import html
import os

from livekit import api
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.routing import Route

SERVER = os.environ.get("VISAVIS_SERVER", "http://127.0.0.1:7880")
KEY, SECRET = os.environ.get("VIDEO_KEY", "devkey"), os.environ.get("VIDEO_SECRET", "secret")

USERS = {"ann": "Ann Arbor", "ben": "Ben Nevis"}
MEETINGS = {"atrium": ("ann", "ben"), "board": ("ann",)}

_PAGE = """<!doctype html>
<html lang="en">
  <title>{title}</title>
  <script type="module" src="{server}/embed.js"></script>
  <h1>{title}</h1>
  <p id="who" role="status">Nobody else is here.</p>
  <button type="button" onclick="document.querySelector('visavis-room').hangUp()">Hang up</button>
  <visavis-room
    src="{server}"
    room="{room}"
    token="{token}"
    label="Video call: {title}"
    accent="7a1fa2"
    style="height: 80vh; border-radius: 12px"
  ></visavis-room>
  <script>
    const room = document.querySelector('visavis-room');
    const others = new Map();
    const tell = () => {{
      document.getElementById('who').textContent = [...others.values()].join(', ') || 'Nobody else is here.';
    }};
    room.addEventListener('visavis-participant-joined', ({{ detail: {{ identity, name }} }}) => {{
      tell(others.set(identity, name));
    }});
    room.addEventListener('visavis-participant-left', ({{ detail }}) => tell(others.delete(detail.identity)));
    room.addEventListener('visavis-left', () => tell(others.clear()));
  </script>
</html>"""


def token_for(user: str, room: str) -> str:
    """What lets one person into one room, for long enough to join and to come back."""
    grants = api.VideoGrants(
        room_join=True,
        room=room,
        can_publish=True,
        can_subscribe=True,
        can_publish_data=True,
        # To raise a hand, and for another name than the login's.
        can_update_own_metadata=True,
    )
    token = api.AccessToken(KEY, SECRET).with_identity(user).with_name(USERS[user]).with_grants(grants)
    return token.with_ttl(datetime.timedelta(hours=1)).to_jwt()


async def meeting(request: Request) -> HTMLResponse:
    """A page of the application, with the room in it, for those who are invited."""
    user, room = request.session.get("user"), request.path_params["room"]
    if user is None:
        raise HTTPException(401, "Sign in first.")
    if user not in MEETINGS.get(room, ()):
        raise HTTPException(403, f"{USERS[user]} is not invited to {room!r}.")
    values = {"title": room.capitalize(), "room": room, "server": SERVER, "token": token_for(user, room)}
    page = _PAGE.format(**{name: html.escape(value, quote=True) for name, value in values.items()})
    return HTMLResponse(page, headers={"Cache-Control": "no-store"})


async def sign_in(request: Request) -> RedirectResponse:
    """Stands for your own way to sign people in."""
    user = request.path_params["user"]
    if user not in USERS:
        raise HTTPException(404, f"Nobody is called {user!r}.")
    request.session["user"] = user
    return RedirectResponse("/meetings/atrium")


app = Starlette(
    routes=[Route("/meetings/{room}", meeting), Route("/sign-in/{user}", sign_in)],
    middleware=[
        Middleware(SessionMiddleware, secret_key=os.environ.get("SESSION_SECRET", "only for this example")),
    ],
)
