"""The page's components, its pictures, and what its events do; every decision is the room's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stages.caption.page.app import DIRECT, TYPES
from stages.demo import looks
from stages.demo.room import Talks
from stages.demo.shelf import Shelf
from stages.pages.serving import mounted
from stages.params import UserError
from stages.pictures import RefusedPictureError

if TYPE_CHECKING:
    import fastapi
    import gradio

MOST_BYTES = 30_000_000  # of an uploaded file
FOUND = 8  # pictures that the box for finding shows


def application(room: Talks[Any, Any], title: str) -> "fastapi.FastAPI":
    """The page and its pictures. Gradio reads its settings from the environment at import."""
    import fastapi

    app = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    _routes(app, room)
    return mounted(app, _blocks(room, title), looks.CSS, looks.SCRIPT)


def _routes(app: "fastapi.FastAPI", room: Talks[Any, Any]) -> None:
    """Below /picture, which the guard lets through; Gradio's own uploads stay shut."""
    import fastapi
    from fastapi.concurrency import run_in_threadpool

    async def give(request: fastapi.Request) -> Any:
        """Not Gradio's upload, which writes any file to disk before somebody looks at it."""
        data = bytearray()
        async for part in request.stream():
            data += part
            if len(data) > MOST_BYTES:
                said = {"error": f"the file is larger than {MOST_BYTES // 1_000_000} MB"}
                return fastapi.responses.JSONResponse(said, status_code=413)
        try:
            return {"token": await run_in_threadpool(room.give, bytes(data))}
        except RefusedPictureError as error:
            return fastapi.responses.JSONResponse({"error": str(error)}, status_code=400)

    def given(token: str) -> Any:
        return _picture(room.shown(token))

    def found(number: int) -> Any:
        shelf = room.shelf
        return _picture(shelf.read(number) if shelf is not None and 0 <= number < len(shelf.names) else None)

    def transcript(token: str) -> Any:
        try:
            lines = room.talk(token).conversation.transcript()
        except UserError as error:
            return fastapi.Response(str(error), status_code=404, media_type="text/plain")
        headers = {"Content-Disposition": 'attachment; filename="conversation.jsonl"'}
        return fastapi.Response(lines, media_type="application/jsonl", headers=headers)

    app.add_api_route("/picture/given", give, methods=["POST"], include_in_schema=False)
    app.add_api_route("/picture/given/{token}", given, include_in_schema=False)
    app.add_api_route("/picture/found/{number}", found, include_in_schema=False)
    app.add_api_route("/picture/transcript/{token}", transcript, include_in_schema=False)


def _picture(data: bytes | None) -> Any:
    import fastapi

    if data is None:
        return fastapi.Response("no such picture", status_code=404, media_type="text/plain")
    kind = next((kind for start, kind in TYPES.items() if data.startswith(start)), "application/octet-stream")
    return fastapi.Response(data, media_type=kind)


@dataclass(frozen=True)
class _Beside:
    """What stands beside the conversation where the model may show pictures."""

    strip: Any
    factor: Any

    @classmethod
    def made(cls, shelf: Shelf, find: Callable[[str, int], list[tuple[str, float]]], message: Any) -> "_Beside":
        """The pictures that were shown, a search among all of them, and how readily one is shown."""
        import gradio as gr

        strip = _block("strip")
        text = gr.Textbox(label="Find a picture", placeholder="Describe it, press Enter", elem_id="text")
        found = _block("found")
        factor = gr.Slider(
            0.0, 3.0, value=1.0, step=0.05, label="Factor on [RET]", elem_id="factor",
            info="The model’s score for showing a picture is multiplied by it; 1 leaves it as trained.",
        )  # fmt: skip

        def searched(typed: str) -> list[Any]:
            try:
                return [looks.found_html(find(typed, FOUND), shelf), ""]
            except UserError as error:
                return ["", looks.message_html(str(error))]

        text.submit(searched, text, [found, message], api_name="find", **DIRECT)
        return cls(strip, factor)


def _block(name: str, html: str = "") -> "gradio.HTML":
    import gradio as gr

    return gr.HTML(html, elem_id=name, apply_default_css=False, padding=False)


def _blocks(room: Talks[Any, Any], title: str) -> "gradio.Blocks":
    import gradio as gr

    blocks: gr.Blocks
    with gr.Blocks(title=f"Plumbline: {title}", analytics_enabled=False, fill_width=True) as blocks:
        _block("title", looks.title_html(title, room))
        with gr.Row():
            with gr.Column(scale=3):
                chat = _block("chat")
                _block("upload", looks.UPLOAD)
                with gr.Row():
                    question = gr.Textbox(
                        show_label=False,
                        container=False,
                        placeholder="Ask something",
                        elem_id="question",
                        autofocus=True,
                        scale=5,
                    )
                    ask = gr.Button("Ask", variant="primary", elem_id="ask", min_width=90, scale=1)
                message = _block("message")
            with gr.Column(scale=2 if room.shelf else 1):
                beside = _Beside.made(room.shelf, room.find, message) if room.shelf else None
                reset = gr.Button("Start anew", elem_id="reset", size="sm")
                transcript = _block("transcript")
        session = gr.Textbox(visible="hidden", elem_id="session", label="conversation")
        given = gr.Textbox(visible="hidden", elem_id="given", label="picture")

        def start() -> list[Any]:
            token = room.start()
            return [token, *looks.view(room, token), looks.transcript_html(token)]

        def asked(token: str, typed: str, picture: str, *settings: float) -> list[Any]:
            """What goes wrong is said on the page, and the question and its picture stay."""
            try:
                room.ask(token, typed, picture, *(float(one) for one in settings))
            except UserError as error:
                return [*looks.view(room, token), typed, picture, looks.message_html(str(error))]
            return [*looks.view(room, token), "", "", ""]

        def anew(token: str) -> list[Any]:
            try:
                room.reset(token)
                return [*looks.view(room, token), ""]
            except UserError as error:
                return [*looks.view(room, token), looks.message_html(str(error))]

        def on(event: Any, act: Callable[..., Any], inputs: Any, outputs: Any, name: str) -> None:
            done = event(act, inputs, outputs, api_name=name, js=looks.BUSY, **DIRECT)
            done.then(None, given, js=looks.DONE, queue=False)

        view, settings = ([chat, beside.strip], [beside.factor]) if beside else ([chat], [])
        told, told_by = [*view, question, given, message], [session, question, given, *settings]
        on(ask.click, asked, told_by, told, "ask")
        on(question.submit, asked, told_by, told, "submit")
        on(reset.click, anew, [session], [*view, message], "reset")
        blocks.load(start, None, [session, *view, transcript], api_name="start", **DIRECT)
    return blocks
