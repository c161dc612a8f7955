"""Files as they are, by the server program that the dashboard uses: ``still.py DIRECTORY PORT``."""

from __future__ import annotations

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.staticfiles import StaticFiles

if __name__ == "__main__":
    app = Starlette()
    app.mount("/", StaticFiles(directory=sys.argv[1], html=True))
    uvicorn.run(app, port=int(sys.argv[2]), http="h11", access_log=False)
