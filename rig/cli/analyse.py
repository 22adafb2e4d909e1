"""``rig analyse RUN``: judge a stored run again."""

from __future__ import annotations

import argparse
import json
import sys

from reports.write import write_report
from rig.cli.runs import find_run
from rig.cli.summary import print_summary
from rig.judging.judge import judge
from rig.judging.store import publish, write_judgement
from rig.verdict import exit_code


def execute(options: argparse.Namespace) -> int:
    """Judge the evidence again and store it as a further judgement."""
    folder = find_run(options.run, options.runs_dir)
    result = judge(folder)
    judgement = write_judgement(folder, result)
    write_report(judgement)
    publish(folder, judgement)
    if options.json:
        sys.stdout.write(json.dumps(result.to_json(), indent=1) + "\n")
    else:
        print_summary(result)
        sys.stdout.write(f"judgement: {judgement}\n")
    return exit_code(result, safe_confirmed=result.bench["safe_state"].get("confirmed", True))
