"""The page's components and what their events do; every decision is the desk's."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.caption.page.app import DIRECT, TYPES
from stages.grading import looks
from stages.grading.desk import Desk, Told
from stages.grading.items import Item
from stages.grading.log import VERDICTS
from stages.pages.serving import mounted
from stages.params import UserError
from stages.record import Record, read_rows
from stages.shards import ShardReader

if TYPE_CHECKING:
    import fastapi
    import gradio

    Buttons = dict[str, gradio.Button]

NUMBERED = list(enumerate(VERDICTS, start=1))  # the keys 1, 2 and 3


def pictures_of(items: list[Item], curated: Path) -> dict[str, Record]:
    """The curated row of every item, by row id; UserError when the predictions are of another set."""
    records = {record.id: record for record in read_rows(curated)}
    missing = sorted({item.id for item in items} - records.keys())
    if missing:
        raise UserError(
            f"{len(missing)} rows of the predictions are not in {curated} (such as {missing[0]!r}): "
            "run `dvc repro` for the recipe."
        )
    return {item.id: records[item.id] for item in items}


def application(desk: Desk, records: Mapping[str, Record], curated: Path) -> "fastapi.FastAPI":
    """The page and the pictures that it shows. Gradio reads its settings from the environment at import."""
    import fastapi

    def picture(key: str) -> Any:
        """A picture of the set, checked against its digest; nothing is copied or cached."""
        if not desk.knows(key):
            return fastapi.Response("no such picture", status_code=404, media_type="text/plain")
        image = records[desk.item(key).id].image
        with ShardReader(curated) as reader:  # one a request: a reader's position is not for several threads
            data = reader.read(image.shard, image.member, image.sha256)
        kind = next((kind for start, kind in TYPES.items() if data.startswith(start)), "application/octet-stream")
        return fastapi.Response(data, media_type=kind)

    app = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route("/picture/{key}", picture, include_in_schema=False)
    return mounted(app, _blocks(desk), looks.CSS, looks.SCRIPT)


def _blocks(desk: Desk) -> "gradio.Blocks":
    import gradio as gr

    def block(name: str, html: str = "") -> gr.HTML:
        return gr.HTML(html, elem_id=name, apply_default_css=False, padding=False)

    def button(title: str, name: str) -> gr.Button:
        return gr.Button(title, elem_id=name, min_width=80, size="lg" if name in VERDICTS else "sm")

    blocks: gr.Blocks
    with gr.Blocks(title="Plumbline: grading", analytics_enabled=False, fill_width=True) as blocks:
        progress = block("progress")
        with gr.Row():
            with gr.Column(scale=3):
                shown = block("shown")
            with gr.Column(scale=2):
                said = block("said")
                with gr.Row():
                    buttons: Buttons = {
                        verdict: button(f"{verdict.title()} ({place})", verdict) for place, verdict in NUMBERED
                    }
                now = block("now")
                with gr.Row():
                    buttons["back"] = button("← Back", "back")
                    buttons["forth"] = button("Forward →", "forth")
                    buttons["first"] = button("First ungraded", "first")
                block("keys", looks.HELP)
        key = gr.Textbox(visible="hidden", elem_id="key", label="caption")
        _events(desk, blocks, buttons, key, [key, shown, said, progress, now])
    return blocks


def _events(desk: Desk, blocks: "gradio.Blocks", buttons: "Buttons", key: Any, view: list[Any]) -> None:
    def show(told: Told) -> list[Any]:
        item = desk.item(told.key)
        return [
            told.key,
            looks.picture_html(item),
            looks.caption_html(item),
            looks.progress_html(desk, told.key),
            looks.now_html(told.message, told.done, desk.verdict(item)),
        ]

    def acting(act: Callable[[str], Told]) -> Callable[[str], list[Any]]:
        """`act` on the caption that the page shows; what goes wrong is said on the page, and it stays there."""

        def on(shown_key: str) -> list[Any]:
            if not desk.knows(shown_key):
                stale = "that caption is not among those to grade now: nothing was saved"
                return show(Told(desk.next_open(), stale, done=False))
            try:
                return show(act(shown_key))
            except UserError as error:
                return show(Told(shown_key, str(error), done=False))

        return on

    def giving(verdict: str) -> Callable[[str], Told]:
        return lambda shown_key: desk.grade(shown_key, verdict)

    acts: dict[str, Callable[[str], Told]] = {verdict: giving(verdict) for verdict in VERDICTS}
    acts |= {
        "back": lambda shown_key: Told(desk.step(shown_key, -1), ""),
        "forth": lambda shown_key: Told(desk.step(shown_key, 1), ""),
        "first": lambda _: Told(desk.next_open(), ""),
    }
    for name, act in acts.items():
        event = buttons[name].click(acting(act), key, view, api_name=name, **DIRECT)
        event.then(None, js=looks.SEEN, queue=False)
    start = blocks.load(lambda: show(Told(desk.next_open(), "")), None, view, api_name="start", **DIRECT)
    start.then(None, js=looks.SEEN, queue=False)
