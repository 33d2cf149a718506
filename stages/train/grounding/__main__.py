"""Train FROMAGe's maps and [RET] on captioned pictures; record which rows were really consumed."""

from stages.entry import main
from stages.train.grounding.stage import run

if __name__ == "__main__":
    main(run)
