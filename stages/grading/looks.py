"""What the page shows, as HTML. Captions come from a model: all of it goes through `plain`."""

from stages.caption.page.looks import plain
from stages.grading.desk import Desk
from stages.grading.items import Item
from stages.grading.log import Verdict

CSS = """
footer { display: none !important; }
.gradio-container { max-width: 1400px !important; padding: 16px 28px !important; }
.gradio-container .gap { gap: 12px; }
.gradio-container .html-container { padding: 0 !important; }
[data-testid="status-tracker"] { display: none !important; }
#progress { font-size: 14px; } #progress b { font-size: 17px; }
#progress .bar { background: #8883; border-radius: 4px; height: 6px; margin-bottom: 6px; }
#progress .bar div { background: #2563eb; border-radius: 4px; height: 6px; transition: width .2s; }
#shown img { width: 100%; height: 74vh; object-fit: contain; background: #8882; border-radius: 10px; margin: 0; }
#said blockquote { font-size: 23px; line-height: 1.4; margin: 0; padding: 18px 20px; border-left: 4px solid #2563eb;
  border-radius: 8px; background: #8881; max-height: 42vh; overflow-y: auto; overflow-wrap: anywhere;
  white-space: pre-wrap; unicode-bidi: isolate; }
#said .nothing { opacity: .6; font-style: italic; }
#right, #partly, #wrong { color: white !important; font-size: 17px; padding: 16px 8px; border: 3px solid transparent; }
#right { background: #15803d; } #partly { background: #a16207; } #wrong { background: #b91c1c; }
#right:hover { background: #166534; } #partly:hover { background: #854d0e; } #wrong:hover { background: #991b1b; }
body[data-waiting] :is(#right, #partly, #wrong) { opacity: .5; }
body:has([data-given=right]) #right, body:has([data-given=partly]) #partly, body:has([data-given=wrong]) #wrong {
  outline: 3px solid #2563eb; outline-offset: 2px; }
#now { min-height: 24px; font-weight: 600; overflow-wrap: anywhere; }
#now .given { opacity: .8; } #now .flaw { color: #c2410c; } #now .fine { color: #15803d; }
#keys { font-size: 13px; line-height: 1.7; opacity: .75; }
#keys kbd { border: 1px solid #8886; border-radius: 4px; padding: 0 5px; font-size: 12px; }
@media (prefers-color-scheme: dark) { #now .flaw { color: #fb923c; } #now .fine { color: #4ade80; } }
"""
HELP = (
    "<b>Right</b>: everything it says can be seen, and it says what matters. <b>Partly</b>: some of it is true, "
    "or it says too little. <b>Wrong</b>: the rest.<br>"
    "<kbd>1</kbd> right · <kbd>2</kbd> partly · <kbd>3</kbd> wrong · <kbd>←</kbd> back · <kbd>→</kbd> forward. "
    "A new verdict takes the place of the old one."
)
# A press counts for what stands there: none is taken while the next caption is on its way or its picture isn't there,
# and none from a key that is held down.
SCRIPT = """() => {
  const KEYS = {'1': 'right', '2': 'partly', '3': 'wrong', 'ArrowLeft': 'back', 'ArrowRight': 'forth',
                'Backspace': 'back'};
  document.addEventListener('keydown', (event) => {
    const name = KEYS[event.key];
    if (!name || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (!event.repeat) document.querySelector('#' + name).click();
  });
  document.addEventListener('click', (event) => {
    const button = event.target.closest?.('#right, #partly, #wrong, #back, #forth, #first');
    if (!button) return;
    if ('waiting' in document.body.dataset) event.stopImmediatePropagation();
    document.body.dataset.waiting = 'yes';
  }, true);
}"""
SEEN = """() => {
  const ready = () => { delete document.body.dataset.waiting; };
  document.activeElement?.blur();
  requestAnimationFrame(() => {
    const picture = document.querySelector('#shown img');
    if (!picture || picture.complete) ready();
    else { picture.addEventListener('load', ready); picture.addEventListener('error', ready); }
  });
}"""


def picture_html(item: Item) -> str:
    return f'<img src="/picture/{plain(item.key)}" alt="the picture to grade the caption for">'


def caption_html(item: Item) -> str:
    shown = item.text.encode("utf-8", "replace").decode()  # a lone surrogate can't be sent
    if not shown.strip():
        return '<blockquote class="nothing">(nothing was said)</blockquote>'
    return f'<blockquote dir="auto">{plain(shown)}</blockquote>'


def progress_html(desk: Desk, key: str) -> str:
    graded, whole = desk.graded, len(desk.items)
    rest = "all graded: Ctrl+C in the terminal ends" if graded == whole else f"{graded} graded"
    bar = f'<div class="bar"><div style="width:{100 * graded / whole:.1f}%"></div></div>'
    return f"{bar}<b>{desk.number(key)} of {whole}</b> · {rest}"


def now_html(message: str, done: bool, verdict: Verdict | None) -> str:
    """What was just done, and this caption's verdict so far."""
    said = f'<div class="{"fine" if done else "flaw"}" role="status">{plain(message)}</div>' if message else ""
    return said + (
        f'<div class="given" data-given="{plain(verdict)}">Your verdict so far: {plain(verdict)}</div>'
        if verdict
        else ""
    )
