"""The page's components and what their events do; every decision is the desk's."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.caption.desk import Desk, Told
from stages.caption.page import looks
from stages.caption.validation import unsafe
from stages.pages.serving import mounted
from stages.params import UserError
from stages.shards import ShardReader

if TYPE_CHECKING:
    import fastapi
    import gradio

# Without Gradio's queue an event is one request and its answer: no event stream that can miss a save's.
DIRECT: dict[str, Any] = {"show_progress": "hidden", "queue": False}
TYPES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif", b"RIFF": "image/webp"}


def application(desk: Desk, curated: Path) -> "fastapi.FastAPI":
    """The page and the pictures that it shows. Gradio reads its settings from the environment at import."""
    import fastapi

    app = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route("/picture/{sha256}", _pictures(desk, curated), include_in_schema=False)
    return mounted(app, _blocks(desk), looks.CSS, looks.SHORTCUT)


def _pictures(desk: Desk, curated: Path) -> Callable[[str], Any]:
    """Serves a picture of the set, checked against its digest; nothing is copied or cached."""
    import fastapi

    def picture(sha256: str) -> Any:
        record = desk.by_sha256.get(sha256)
        if record is None:
            return fastapi.Response("no such picture", status_code=404, media_type="text/plain")
        with ShardReader(curated) as reader:  # one a request: a reader's position is not for several threads
            data = reader.read(record.image.shard, record.image.member, record.image.sha256)
        kind = next((kind for start, kind in TYPES.items() if data.startswith(start)), "application/octet-stream")
        return fastapi.Response(data, media_type=kind)

    return picture


def _blocks(desk: Desk) -> "gradio.Blocks":
    import gradio as gr

    def block(name: str) -> gr.HTML:
        return gr.HTML(elem_id=name, apply_default_css=False)

    blocks: gr.Blocks
    with gr.Blocks(title="Plumbline: captions", analytics_enabled=False, fill_width=True) as blocks:
        progress = block("progress")
        with gr.Row():
            with gr.Column(scale=3):
                shown = block("shown")
                with gr.Row():
                    back = gr.Button("← Previous", elem_id="back", size="sm")
                    forth = gr.Button("Next →", elem_id="forth", size="sm")
                    first = gr.Button("First undecided", elem_id="first", size="sm")
            with gr.Column(scale=2):
                facts = block("facts")
                captions = block("captions")
                draft = block("draft")
                use = gr.Button("Take the draft into the box", elem_id="use", size="sm", visible=False)
                text = gr.Textbox(label="Caption", lines=2, max_lines=6, elem_id="caption", autofocus=True)
                verdict = block("verdict")
                with gr.Row():
                    save = gr.Button(
                        "Save, next (Ctrl+Enter)", variant="primary", elem_id="save", size="md", min_width=120
                    )
                    more = gr.Button("Save and add another", elem_id="more", size="md", min_width=120)
                with gr.Row():
                    skip = gr.Button("Skip", elem_id="skip", size="sm", min_width=60)
                    reject = gr.Button("Reject", variant="stop", elem_id="reject", size="sm", min_width=60)
                    undo = gr.Button("Undo", elem_id="undo", size="sm", min_width=60)
                message = block("message")
        sha256 = gr.Textbox(visible="hidden", elem_id="sha256", label="picture")
        view = [sha256, shown, facts, captions, draft, use, text, verdict, progress, message]

        def show(told: Told) -> list[Any]:
            record, picture = desk.by_sha256[told.sha256], desk.picture(told.sha256)
            flaws, hints = desk.check(told.sha256, told.text.strip())
            return [
                told.sha256,
                looks.picture_html(record),
                looks.facts_html(desk, record),
                looks.captions_html(picture),
                looks.draft_html(picture),
                gr.Button(visible=picture.draft is not None),
                told.text,
                looks.verdict_html(told.text, flaws, hints),
                looks.progress_html(desk.progress()),
                looks.message_html(told.message, told.done),
            ]

        def acting(act: Callable[[str, str], Told]) -> Callable[[str, str], list[Any]]:
            """`act` on the picture that the page shows; what goes wrong is said on the page, and the text stays."""

            def on(shown_sha256: str, typed: str) -> list[Any]:
                if shown_sha256 not in desk.by_sha256:
                    return show(Told(desk.next_undecided(), "that picture is not in this set", typed, done=False))
                try:
                    return show(act(shown_sha256, typed))
                except UserError as error:
                    return show(Told(shown_sha256, str(error), typed, done=False))

            return on

        def check(shown_sha256: str, typed: str) -> str:
            flaws, hints = desk.check(shown_sha256, typed.strip()) if shown_sha256 in desk.by_sha256 else ([], [])
            return looks.verdict_html(typed, flaws, hints)

        def take(shown_sha256: str) -> str:
            found = desk.picture(shown_sha256).draft
            return found.text if found is not None and not unsafe(found.text) else ""

        actions: dict[str, tuple[gr.Button, Callable[[str, str], Told]]] = {
            "save": (save, lambda shown_sha256, typed: desk.save(shown_sha256, typed)),
            "save_more": (more, lambda shown_sha256, typed: desk.save(shown_sha256, typed, stay=True)),
            "skip": (skip, lambda shown_sha256, _: desk.skip(shown_sha256)),
            "reject": (reject, lambda shown_sha256, _: desk.reject(shown_sha256)),
            "undo": (undo, lambda shown_sha256, _: desk.undo(shown_sha256)),
            "back": (back, lambda shown_sha256, _: Told(desk.step(shown_sha256, -1), "")),
            "forth": (forth, lambda shown_sha256, _: Told(desk.step(shown_sha256, 1), "")),
            "first": (first, lambda *_: Told(desk.next_undecided(), "")),
        }
        for name, (button, act) in actions.items():
            event = button.click(acting(act), [sha256, text], view, api_name=name, **DIRECT)
            event.then(None, js=looks.FOCUS, queue=False)
        # `change` and not `input`, which Gradio sends for key presses only: a pasted text is checked as well
        text.change(check, [sha256, text], verdict, api_name="check", **DIRECT, trigger_mode="always_last")
        use.click(take, sha256, text, api_visibility="private", **DIRECT)
        blocks.load(lambda: show(Told(desk.next_undecided(), "")), None, view, api_name="start", **DIRECT)
    return blocks
