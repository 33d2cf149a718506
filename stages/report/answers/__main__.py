from stages.entry import main
from stages.report.answers.stage import run

if __name__ == "__main__":
    main(run)
