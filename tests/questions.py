"""The tables of what the papers leave open, by paper."""

QUESTIONS = {
    "mfner": ["questions", "base_models", "wrong_types", "parts", "shifts"],
    "unified": [
        "unusable",
        "consistency",
        "thresholds",
        "thinking",
        "supervised",
        "steps",
        "parts",
    ],
    "bioselecttune": ["questions", "share_on_dev", "ifd", "figure3_control"],
}
TARGETS = [f"results/tables/{paper}/{name}.csv" for paper in QUESTIONS for name in QUESTIONS[paper]]
