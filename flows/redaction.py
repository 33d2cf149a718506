"""Keeps secrets of the environment out of what Prefect stores: its logs, states and artifacts."""

import os
import re

from stages.scrape.redaction import Redaction

SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSW|AUTH_STRING|CREDENTIAL|CONNECTION_URL", re.IGNORECASE)
SERVER_AUTH = "PREFECT_SERVER_API_AUTH_STRING"
DATABASE = "PREFECT_API_DATABASE_CONNECTION_URL"
ONLY_PREFECTS = ("PREFECT_API_AUTH_STRING", SERVER_AUTH, DATABASE, "PREFECT_SERVER_DATABASE_CONNECTION_URL")


def redacted(text: str) -> str:
    """`text` without the values of variables that are named like secrets (`..._KEY`, `..._TOKEN`, ...)."""
    for name, value in os.environ.items():
        if SECRET.search(name) and not os.path.exists(value):  # SSL_KEY_FILE and the like name a file
            text = Redaction(value).text(text)
    return text


def without_prefects_secrets(environment: dict[str, str]) -> dict[str, str]:
    """What a stage's process gets: it knows no Prefect, so it needs none of its keys."""
    return {name: value for name, value in environment.items() if name not in ONLY_PREFECTS}
