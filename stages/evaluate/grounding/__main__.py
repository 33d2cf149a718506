"""Score FROMAGe before and after training on held-out pictures: retrieval, captions and dialogues."""

from stages.entry import main
from stages.evaluate.grounding.stage import run

if __name__ == "__main__":
    main(run)
