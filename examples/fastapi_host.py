"""Visavis inside somebody's own FastAPI application.

    pip install visavis fastapi
    uvicorn examples.fastapi_host:app

Sign in at ``/sign-in/ann``; then ``/video`` is the video chat, and whoever is signed in is Ann there.
"""

import os

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import RedirectResponse
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


@app.get("/sign-in/{user}")
async def sign_in(user: str, request: Request) -> RedirectResponse:
    """Stands for your own way to sign people in."""
    if user not in USERS:
        raise HTTPException(404, f"Nobody is called {user!r}.")
    request.session["user"] = user
    return RedirectResponse("/video/")
