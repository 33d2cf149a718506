"""Train a QLoRA adapter on tokenized rows; record which rows were really consumed."""

from stages.entry import main
from stages.train.answers.stage import run

if __name__ == "__main__":
    main(run)
