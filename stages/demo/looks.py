"""What the demo page shows, as HTML. Questions, answers and names can be anything: all go through `plain`."""

from typing import Any

from stages.caption.page.looks import plain
from stages.demo.room import Talk, Talks, Turn
from stages.demo.shelf import Shelf

CSS = """
footer { display: none !important; }
.gradio-container { max-width: 1400px !important; padding: 12px 24px !important; }
.gradio-container .gap { gap: 10px; }
[data-testid="status-tracker"] { display: none !important; }
#title h1 { font-size: 18px; margin: 0; } #title p { margin: 2px 0 0; opacity: .7; font-size: 13px; }
.gradio-container .html-container { padding: 0 !important; }
#chat .turns { height: calc(100vh - 330px); min-height: 240px; overflow-y: auto; padding: 14px;
  border: 1px solid #8884; border-radius: 10px; }
#chat .said { max-width: 80%; width: fit-content; padding: 8px 12px; border-radius: 12px; margin: 0 0 8px;
  overflow-wrap: anywhere; line-height: 1.4; }
#chat .asked { background: #2563eb; color: white; margin-left: auto; }
#chat .answered { background: #8882; }
#chat img { height: 150px; max-width: 100%; object-fit: contain; border-radius: 8px; display: block;
  margin: 2px 0 6px; }
#chat .small, .small { opacity: .7; font-size: 12px; }
#chat .note { text-align: center; border-top: 1px solid #8884; padding-top: 6px; margin: 14px 0 8px; }
#chat .empty { opacity: .6; text-align: center; margin-top: 18vh; }
.strip { display: flex; gap: 8px; overflow-x: auto; padding-bottom: 4px; }
.strip figure { margin: 0; flex: 0 0 112px; }
.strip figcaption { font-size: 12px; line-height: 1.3; overflow-wrap: anywhere; }
.strip img { width: 112px; height: 112px; object-fit: contain; background: #8882; border-radius: 8px; margin: 0; }
.heading { font-weight: 600; font-size: 14px; margin: 0 0 6px; }
#upload label { cursor: pointer; border: 1px dashed #8888; border-radius: 8px; padding: 8px 12px; display: flex;
  align-items: center; gap: 10px; min-height: 42px; font-size: 14px; }
#upload label:focus-within { outline: 2px solid #2563eb; }
#upload input { position: absolute; opacity: 0; width: 1px; height: 1px; }
#upload img { height: 64px; border-radius: 6px; margin: 0; }
#message { min-height: 1.4em; } .flaw { color: #c2410c; font-weight: 600; overflow-wrap: anywhere; }
@media (prefers-color-scheme: dark) { .flaw { color: #fb923c; } }
body[data-busy] #message::after { content: 'The model answers …'; opacity: .7; }
body[data-busy] #message .flaw { display: none; }
"""
# A chosen, dropped or pasted file goes to the page's own server, and its token into the hidden box.
SCRIPT = """() => {
  const put = (token) => {
    const box = document.querySelector('#given textarea, #given input');
    box.value = token;
    box.dispatchEvent(new Event('input', {bubbles: true}));
  };
  const give = async (file) => {
    const told = document.querySelector('#told');
    told.textContent = 'Sending …';
    const answer = await fetch('/picture/given', {method: 'POST', body: file}).then((r) => r.json())
      .catch(() => ({error: 'the demo does not answer'}));
    document.querySelector('#upload img')?.remove();
    put(answer.token ?? '');
    told.textContent = answer.error ? `Not taken: ${answer.error}` : 'Comes with your next question.';
    told.className = answer.error ? 'flaw' : '';
    if (answer.error) return;
    const picture = document.createElement('img');
    picture.src = `/picture/given/${answer.token}`;
    picture.alt = 'the picture for your next question';
    told.before(picture);
  };
  document.addEventListener('change', (event) => {
    if (event.target.id === 'file' && event.target.files[0]) give(event.target.files[0]);
  });
  document.addEventListener('paste', (event) => {
    if (event.clipboardData.files[0]) give(event.clipboardData.files[0]);
  });
  document.addEventListener('dragover', (event) => event.preventDefault());
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    if (event.dataTransfer.files[0]) give(event.dataTransfer.files[0]);
  });
}"""
BUSY = "(...given) => { document.body.dataset.busy = 'yes'; return given; }"
DONE = """(given) => {
  delete document.body.dataset.busy;
  if (!given && document.querySelector('#upload img')) {
    document.querySelector('#upload img').remove();
    document.querySelector('#told').textContent = 'Add a picture: choose, drop or paste one.';
    document.querySelector('#file').value = '';
  }
  const turns = document.querySelector('#chat .turns');
  if (turns) turns.scrollTop = turns.scrollHeight;
  document.querySelector('#question textarea, #question input')?.focus();
}"""
UPLOAD = (
    '<label><input type="file" id="file" accept="image/png,image/jpeg,image/webp,image/gif">'
    '<span id="told">Add a picture: choose, drop or paste one.</span></label>'
)


def title_html(adapter: str, room: Talks[Any, Any]) -> str:
    return (
        f"<h1>A conversation with {plain(adapter)}</h1><p>{plain(room.introduction)} "
        "Nothing leaves this machine; reloading the page forgets the conversation.</p>"
    )


def chat_html(room: Talks[Any, Any], talk: Talk[Any] | None) -> str:
    """All turns, the newest one last; those that the model no longer remembers are said. None: the talk is over."""
    if talk is None or not talk.conversation.turns:
        return f'<div class="turns"><div class="empty">{plain(room.invitation)}</div></div>'
    turns = talk.conversation.turns
    parts = []
    for number, (turn, token) in enumerate(zip(turns, talk.given, strict=True)):
        note = room.note(turns, number)
        parts.append(f'<div class="small note">{plain(note)}</div>' if note else "")
        parts.append(_turn_html(room, turn, token))
    if left_out := turns[-1].reply.left_out:
        what = "turn was" if left_out == 1 else f"{left_out} turns were"
        parts.append(f'<div class="small">The oldest {what} left out: the memory is full.</div>')
    return f'<div class="turns" tabindex="0" role="log" aria-label="conversation">{"".join(parts)}</div>'


def _turn_html(room: Talks[Any, Any], turn: Turn, token: str) -> str:
    given = f'<img src="/picture/given/{plain(token)}" alt="your picture">' if token else ""
    words, found, remark = plain(turn.reply.text), room.found(turn), room.remark(turn)
    if found is not None and room.shelf is not None:
        number = room.shelf.number(found[0])
        name = plain(room.shelf.names[number])
        words += f'<img src="/picture/found/{number}" alt="{name}"><span class="small">{name}, '
        words += f"cosine {found[1]:.2f}</span>"
    elif remark:
        words += f' <span class="small">{plain(remark)}</span>'
    elif not words:
        words = '<span class="small">(no words)</span>'
    return f'<div class="said asked">{given}{plain(turn.question)}</div><div class="said answered">{words}</div>'


def strip_html(room: Talks[Any, Any], talk: Talk[Any] | None, shelf: Shelf) -> str:
    """The pictures that this conversation has shown."""
    shown = [room.found(turn) for turn in talk.conversation.turns] if talk else []
    return _strip("Pictures that it showed", [one for one in shown if one is not None], shelf, "none so far")


def found_html(found: list[tuple[str, float]], shelf: Shelf) -> str:
    return _strip("", found, shelf, "")


def _strip(heading: str, found: list[tuple[str, float]], shelf: Shelf, empty: str) -> str:
    figures = []
    for picture, score in found:
        number = shelf.number(picture)
        name = plain(shelf.names[number])
        figures.append(
            f'<figure><img src="/picture/found/{number}" alt="{name}" title="{plain(picture)}">'
            f'<figcaption>{name} <span class="small">{score:.2f}</span></figcaption></figure>'
        )
    inner = "".join(figures) or (f'<span class="small">{empty}</span>' if empty else "")
    head = f'<p class="heading">{heading}</p>' if heading else ""
    return f'{head}<div class="strip">{inner}</div>' if inner else ""


def transcript_html(token: str) -> str:
    return f'<a class="small" href="/picture/transcript/{plain(token)}" download>Save the conversation (JSON lines)</a>'


def message_html(message: str) -> str:
    return f'<div class="flaw" role="alert">{plain(message)}</div>' if message else ""


def view(room: Talks[Any, Any], token: str) -> list[str]:
    """The conversation; where the model may show pictures, the strip of those that it has shown too."""
    talk = room.known(token)
    strip = [] if room.shelf is None else [strip_html(room, talk, room.shelf)]
    return [chat_html(room, talk), *strip]
