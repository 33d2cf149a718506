"""Train a QLoRA adapter on descriptions and names; record which rows were really consumed."""

from stages.entry import main
from stages.train.naming.stage import run

if __name__ == "__main__":
    main(run)
