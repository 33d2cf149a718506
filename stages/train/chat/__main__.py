"""Train a projector (and LoRA) on conversations about pictures; record which rows were really consumed."""

from stages.entry import main
from stages.train.chat.stage import run

if __name__ == "__main__":
    main(run)
