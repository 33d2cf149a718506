"""Score a base before and after its adapter on held-out descriptions."""

from stages.entry import main
from stages.evaluate.naming.stage import run

if __name__ == "__main__":
    main(run)
