"""SerpApi's side: /search, /searches/<id>, /account.json, in its form and with its errors."""

import secrets
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import web

from stages.scrape.service.conduct import Conduct
from stages.scrape.service.listing import Item, matching
from stages.scrape.service.pictures import reset

KEY_REFUSED = "Invalid API key. Your API key should be here: https://serpapi.com/manage-api-key"
NO_QUOTA = "Your account has run out of searches."
TOO_MANY = "You have exceeded the hourly throughput limit of your plan."
NOTHING = "Google hasn't returned any results for this query."
SAFE = ("active", "off", "")
ECHOED = ("engine", "q", "ijn", "gl", "hl", "safe", "licenses")


class Searching:
    """Answers for 127.0.0.1. `paid` counts answered searches, equal ones too: nothing here is free."""

    def __init__(self, found: dict[str, list[Item]], conduct: Conduct) -> None:
        self._found = found
        self._conduct = conduct
        self._script = list(conduct.script)
        self._late: dict[str, dict[str, Any]] = {}  # answers by id, for those who ask again
        self.paid = 0
        self.searches = 0
        self.account_calls = 0

    def restart(self, conduct: Conduct) -> None:
        """As if just started, with another conduct; the pages stay as long as they were."""
        self._conduct = conduct.model_copy(update={"page": self._conduct.page})
        self._script = list(self._conduct.script)
        self._late.clear()
        self.paid = self.searches = self.account_calls = 0

    async def account(self, request: web.Request) -> web.Response:
        self.account_calls += 1
        if request.query.get("api_key") != self._conduct.key:
            return _error(401, KEY_REFUSED)
        left = self._conduct.quota - self.paid
        return web.json_response(
            {
                "account_id": "0123456789abcdef01234567",
                "api_key": self._conduct.key,  # SerpApi does so
                "plan_name": "Drawn creatures",
                "searches_per_month": self._conduct.quota,
                "plan_searches_left": left,
                "extra_credits": 0,
                "total_searches_left": left,
                "this_month_usage": self.paid,
                "this_hour_searches": self.paid,
                "account_rate_limit_per_hour": self._conduct.hourly,
            }
        )

    async def search(self, request: web.Request) -> web.StreamResponse:
        self.searches += 1
        asked = request.query
        if asked.get("api_key") != self._conduct.key:
            return _error(401, KEY_REFUSED)
        failure = self._script.pop(0) if self._script else ""
        if failure in ("400", "401", "429", "500", "503"):
            return _error(int(failure), f"told to answer {failure}, key {self._conduct.key}")
        if failure in ("html", "redirect", "list", "reset"):
            return _broken(request, failure)
        ijn = asked.get("ijn", "0")
        if asked.get("engine") != "google_images" or asked.get("safe", "") not in SAFE or not ijn.isdecimal():
            return _error(400, "Unsupported value for `engine`, `safe` or `ijn`.")
        if not asked.get("q", "").strip():
            return _error(400, "Missing query `q` parameter.")
        if self.paid >= self._conduct.quota:
            return _error(429, NO_QUOTA)
        if self.paid >= self._conduct.hourly:
            return _error(429, TOO_MANY)
        if failure == "error":
            return web.json_response({"search_metadata": _metadata("Error"), "error": "the search failed"})
        self.paid += 1
        answer = self._answer(request, int(ijn), failure == "echo")
        if failure == "processing":
            self._late[answer["search_metadata"]["id"]] = answer
            return web.json_response({"search_metadata": {**answer["search_metadata"], "status": "Processing"}})
        return web.json_response(answer)

    async def archived(self, request: web.Request) -> web.Response:
        name = request.match_info["id"].removesuffix(".json")
        if request.query.get("api_key") != self._conduct.key:
            return _error(401, KEY_REFUSED)
        if name not in self._late:
            return _error(404, "The search was not found.")
        return web.json_response(self._late[name])

    def _answer(self, request: web.Request, ijn: int, echo: bool) -> dict[str, Any]:
        asked = request.query
        metadata = _metadata("Success")
        answer: dict[str, Any] = {
            "search_metadata": metadata,
            "search_parameters": {key: asked[key] for key in ECHOED if key in asked},
            "search_information": {"image_results_state": "Results for exact spelling"},
        }
        items = matching(self._found, asked["q"], asked.get("licenses", ""))
        start = ijn * self._conduct.page
        shown = items[start : start + self._conduct.page]
        if not shown:
            answer["search_information"]["image_results_state"] = "Fully empty"
            answer["error"] = NOTHING
            return answer
        answer["images_results"] = [_result(item, position, metadata["id"]) for position, item in enumerate(shown, 1)]
        if echo:
            answer["images_results"][0]["title"] += f" {asked['api_key']} {quote(asked['api_key'], safe='')}"
        answer["serpapi_pagination"] = {"current": ijn}
        if start + self._conduct.page < len(items):
            onward = urlencode({**answer["search_parameters"], "ijn": ijn + 1})
            answer["serpapi_pagination"]["next"] = f"http://{request.host}{request.path}.json?{onward}"
        return answer


def _result(item: Item, position: int, search_id: str) -> Item:
    """A listed picture as one search shows it: thumbnails are addressed by the search, or by Google's own cache."""
    number = sum(str(item.get("original", item["title"])).encode())
    thumbnail = f"https://encrypted-tbn0.gstatic.test/images?q=tbn:{number:x}&s"
    if number % 2:
        thumbnail = f"https://serpapi.test/searches/{search_id}/images/{number:x}.jpeg"
    return {"position": position, "thumbnail": thumbnail, **item}


def _metadata(status: str) -> dict[str, Any]:
    """Another id and other times for each search, as in the real ones."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    name = secrets.token_hex(12)
    return {
        "id": name,
        "status": status,
        "json_endpoint": f"https://serpapi.test/searches/{secrets.token_hex(8)}/{name}.json",
        "created_at": now,
        "processed_at": now,
        "total_time_taken": round(time.perf_counter() % 10, 2),
    }


def _broken(request: web.Request, failure: str) -> web.StreamResponse:
    """Answers that no search API should give: a web page, a list, a way elsewhere, none at all."""
    if failure == "redirect":
        raise web.HTTPFound(f"http://{request.host}/_elsewhere?{request.query_string}")
    if failure == "reset":
        reset(request)
        return web.Response()
    if failure == "list":
        return web.json_response([request.query_string], status=500)
    return web.Response(text=f"<h1>Maintenance</h1>{request.query_string}", content_type="text/html")


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": message}, status=status)
