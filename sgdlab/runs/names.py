"""The names of all files that runs, sweeps, studies, probes, lessons and reports leave in their folders."""

from pathlib import Path
from typing import Literal, get_args

RUNS_DIR = Path("runs")
"""Where new folders are made unless another place is named."""

CONFIG, HISTORY, SUMMARY = "config.yaml", "history.csv", "summary.json"
ENVIRONMENT, PREPROCESS = "environment.json", "preprocess.json"
BEST, LAST, LOG, LOCK = "best.pt", "last.pt", "log.txt", ".lock"
RUN_FILES = (CONFIG, HISTORY, SUMMARY, ENVIRONMENT, PREPROCESS, BEST, LAST, LOG)

PLAN, RUNS = "sweep.yaml", "runs"
RESULTS, SETTINGS_SUMMARY = "results.csv", "summary.csv"
"""Of a sweep: a row for each run, and for each setting; a study's results have a row for each batch size."""

STUDY, TUNING, ANSWER, RECOMMENDED = "study.yaml", "tuning.csv", "study.json", "recommended.yaml"
CLAIMS, CLAIMS_TEXT = "claims.csv", "claims.md"
REPORT = "report.html"

NOISE_TABLE, NOISE_FACTS, NOISE_FIGURE = "noise-scale.csv", "noise-scale.json", "noise-scale.png"
STD_LAW_TABLE, STD_LAW_FIGURE = "gradient-std.csv", "gradient-std-step{step}.png"
RATES_TABLE, RATES_CURVES, RATES_FACTS = "lr-range.csv", "lr-range-curves.csv", "lr-range.json"
RATES_FIGURE, STABILITY_FIGURE = "lr-range.png", "stability.png"
SCALED_CONFIG, SCALED_TABLE, SCALED_FIGURE = "scaled.yaml", "scale-check.csv", "scale-check.png"
"""Of the probes: noise scale, learning rates, scaling rules."""

FigureFormat = Literal["png", "pdf", "svg"]
FIGURE_SUFFIXES = tuple(f".{name}" for name in get_args(FigureFormat))
