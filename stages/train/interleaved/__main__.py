"""Train a QLoRA adapter on interleaved rows; record which rows were really consumed."""

from stages.entry import main
from stages.train.interleaved.stage import run

if __name__ == "__main__":
    main(run)
