"""The names of all files that runs, sweeps, studies, probes, lessons and reports leave in their folders."""

CONFIG, HISTORY, SUMMARY = "config.yaml", "history.csv", "summary.json"
ENVIRONMENT, PREPROCESS = "environment.json", "preprocess.json"
BEST, LAST, LOG, LOCK = "best.pt", "last.pt", "log.txt", ".lock"
RUN_FILES = (CONFIG, HISTORY, SUMMARY, ENVIRONMENT, PREPROCESS, BEST, LAST, LOG)

PLAN, RUNS = "sweep.yaml", "runs"
RESULTS, SETTINGS_SUMMARY = "results.csv", "summary.csv"
"""Of a sweep: a row for each run, and for each setting; a study's results have a row for each batch size."""

STUDY, TUNING, ANSWER, RECOMMENDED = "study.yaml", "tuning.csv", "study.json", "recommended.yaml"
NOISE_SCALE = "noise-scale.csv"
CLAIMS, CLAIMS_TEXT = "claims.csv", "claims.md"
REPORT = "report.html"
