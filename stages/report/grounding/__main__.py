from stages.entry import main
from stages.report.grounding.stage import run

if __name__ == "__main__":
    main(run)
