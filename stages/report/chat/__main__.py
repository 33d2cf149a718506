from stages.entry import main
from stages.report.chat.stage import run

if __name__ == "__main__":
    main(run)
