"""Score a chat recipe's step on held-out pictures."""

from stages.entry import main
from stages.evaluate.chat.stage import run

if __name__ == "__main__":
    main(run)
