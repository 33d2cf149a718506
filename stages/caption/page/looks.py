"""What the page shows, as HTML. Titles, captions and names come from anywhere: all of it goes through `plain`."""

import html
from collections.abc import Iterable

from stages.caption.desk import Desk, Progress
from stages.caption.state import Picture
from stages.caption.validation import ADVISED, Flaw, same
from stages.record import Record

CSS = """
footer { display: none !important; }
.gradio-container { max-width: 1600px !important; padding: 12px 24px !important; }
.gradio-container .gap { gap: 8px; }
#shown img { width: 100%; height: 72vh; object-fit: contain; background: #8882; border-radius: 8px; margin: 0; }
#facts table { border: none; font-size: 13px; line-height: 1.35; margin: 0; display: table; width: auto; }
#facts td { border: none; padding: 1px 0; overflow-wrap: anywhere; }
#facts td:first-child { padding-right: 1em; opacity: .65; vertical-align: top; white-space: nowrap; }
#captions ul { margin: 0; padding: 0; } #captions li { list-style: disc; margin-left: 1.2em; }
#message { font-weight: 600; overflow-wrap: anywhere; }
[data-testid="status-tracker"] { display: none !important; }
.flaw { color: #c2410c; } .fine { color: #15803d; } .hint { opacity: .75; font-size: 13px; }
@media (prefers-color-scheme: dark) { .flaw { color: #fb923c; } .fine { color: #4ade80; } }
#progress .bar { background: #8883; border-radius: 4px; height: 6px; margin-bottom: 4px; }
#progress .bar div { background: #2563eb; border-radius: 4px; height: 6px; }
"""
SHORTCUT = """() => {
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      document.querySelector('#save').click();
    }
  });
}"""
FOCUS = "() => { document.querySelector('#caption textarea')?.focus(); }"
STYLE = (
    f"{ADVISED[0]} to {ADVISED[1]} words. Name it first, then vary: one caption starts with what it is, the next "
    "with where it is or what it does. Say what can be seen, and nothing else."
)


def plain(text: object) -> str:
    """`text` as text in HTML, and in the template languages that Gradio's page knows (`${...}`, `{{...}}`)."""
    escaped = html.escape(str(text), quote=True)
    return escaped.translate({ord(char): f"&#{ord(char)};" for char in "${}`\\"})


def picture_html(record: Record) -> str:
    return f'<img src="/picture/{plain(record.origin)}" alt="{plain(record.label or record.entity)}">'


def facts_html(desk: Desk, record: Record) -> str:
    """What is known of the picture. Addresses are text, not links: a title page can be anything."""
    said, label, entity = record.source.drawn, record.label, record.entity
    rows = {
        "title": said.get("title", ""),
        "shows": label if same(label) == same(entity) else f"{label} ({entity})",
        "licence": record.source.licence,
        "page": record.source.page,
        "source": record.source.url or record.source.file or record.source.generator,
        "split": record.split,
        "size": f"{record.image.width} x {record.image.height}",
        "picture": f"{desk.number(record.origin)} of {len(desk.order)}, {record.origin[:12]}",
    }
    cells = "".join(f"<tr><td>{name}</td><td>{plain(value)}</td></tr>" for name, value in rows.items() if value)
    return f"<table>{cells}</table>"


def captions_html(picture: Picture) -> str:
    """Its captions so far with their authors, and what a person decided."""
    items = "".join(
        f'<li>{plain(line.text)} <span class="hint">{plain(line.author)}</span></li>' for line in picture.captions
    )
    decided = {"skip": "Skipped.", "reject": '<span class="flaw">Rejected.</span>'}.get(picture.decision, "")
    return f"{decided}<ul>{items}</ul>" if items or decided else '<span class="hint">No caption yet.</span>'


def draft_html(picture: Picture) -> str:
    if picture.draft is None:
        return ""
    return f'Draft: <i>{plain(picture.draft.text)}</i> <span class="hint">{plain(picture.draft.author)}</span>'


def verdict_html(text: str, flaws: Iterable[Flaw], hints: Iterable[str]) -> str:
    if not text.strip():
        return f'<span class="hint">{plain(STYLE)}</span>'
    lines = [f'<div class="flaw">✗ {plain(flaw)}</div>' for flaw in flaws]
    lines = lines or [f'<div class="fine">✓ can be saved ({len(text.split())} words)</div>']
    return "".join([*lines, *(f'<div class="hint">• {plain(hint)}</div>' for hint in hints)])


def progress_html(progress: Progress) -> str:
    share = 100 * progress.decided / progress.pictures
    parts = [f"{progress.decided} of {progress.pictures} decided"]
    parts += [
        f"{count} {name}" for name, count in (("skipped", progress.skipped), ("rejected", progress.rejected)) if count
    ]
    parts += [f"{plain(author)}: {count}" for author, count in progress.captions.items()]
    return f'<div class="bar"><div style="width:{share:.1f}%"></div></div>{" · ".join(parts)}'


def message_html(message: str, done: bool) -> str:
    return f'<div class="{"fine" if done else "flaw"}" role="status">{plain(message)}</div>' if message else ""
