"""The table of attacks: what was tried, whether it held at first, and what its test says now.

    make attacks

runs the tests that ATTACKS names and writes their outcomes into docs/security.md. The outcomes come
from pytest's reports in JUnit's format, which `python tests/attacks.py REPORT ...` reads: those of
the whole suite serve as well. `python tests/attacks.py` alone prints the names of the tests.
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "security.md"
HEADING = "## Attacks\n\n"
COLUMNS = "| tried | at first | now | test |\n|---|---|---|---|\n"


class Attack(NamedTuple):
    """Something that was tried; `first` is whether it held or broke before it had a test."""

    tried: str
    first: str
    test: str


ATTACKS = [
    Attack("a file name that holds a shell command", "broke",
           "test_security_shell.py::test_hostile_paths_reach_every_script_as_they_are"),
    Attack("a value that a rule does not quote", "broke",
           "test_security_shell.py::test_every_value_in_every_shell_command_is_quoted"),
    Attack("names of models, corpora, selectors and tables that are paths or options", "broke",
           "test_security_shell.py::test_a_name_that_no_path_can_carry_is_refused_in_one_line"),
    Attack("raw files with spaces, quotes, `$()`, `%` and Chinese in their names", "broke",
           "test_security_shell.py::test_a_corpus_with_a_hostile_file_name_is_made_at_a_hostile_path"),
    Attack("flipped, cut, zeroed, inserted bytes and swapped files in results", "broke",
           "test_damage.py::test_no_random_damage_is_taken_as_whole"),
    Attack("ten thousand such damages", "broke",
           "test_damage.py::test_no_damage_of_ten_thousand_is_taken_as_whole"),
    Attack("a shard of a checkpoint that lacks rows", "broke",
           "test_damage.py::test_a_shard_that_lacks_rows_is_done_again"),
    Attack("a finished piece of another text in a text's place", "broke",
           "test_damage.py::"
           "test_a_piece_of_annotated_text_in_the_place_of_another_is_done_again"),
    Attack("model files exchanged for others of the same size and time", "broke",
           "test_damage.py::"
           "test_an_annotation_rests_on_what_is_in_files_and_not_on_their_times"),
    Attack("a checkpoint of a training with other weights", "broke",
           "test_damage.py::test_a_damaged_checkpoint_is_named_and_the_one_before_it_is_used"),
    Attack("another model under the name of an adapter's base", "broke",
           "test_damage.py::test_another_model_in_the_place_of_the_base_is_refused"),
    Attack("a folder named like the base in the working directory", "broke",
           "test_damage.py::test_the_base_of_an_adapter_is_found_from_the_run_wherever_one_works"),
    Attack("other weights, tokenizer or template in a run", "broke",
           "test_damage.py::test_exchanged_weights_and_templates_of_a_run_are_refused"),
    Attack("other weights or another base under a selector", "broke",
           "test_damage.py::test_a_selector_refuses_other_weights_and_another_base"),
    Attack("a full disk, a used quota while a result is written", "broke",
           "test_damage.py::test_a_full_disk_and_a_used_quota_are_told_and_leave_nothing"),
    Attack("a full disk, a used quota while a trained model is saved", "broke",
           "test_damage.py::test_a_full_disk_is_told_while_a_trained_model_is_saved"),
    Attack("a disk without locks", "broke",
           "test_damage.py::test_a_disk_without_locks_is_told_and_used"),
    Attack("a sharded training continued on another number of processes", "broke",
           "test_damage.py::test_a_sharded_training_tells_of_another_number_of_processes"),
    Attack("a process that sees several GPUs", "broke",
           "test_gpus.py::test_the_effective_batch_is_what_was_asked_whatever_a_process_sees"),
    Attack("several jobs inside an allocation of several GPUs", "broke",
           "test_gpus.py::test_jobs_inside_an_allocation_of_several_gpus_use_different_ones"),
    Attack("a locale that is not UTF-8", "broke",
           "test_disks.py::test_a_locale_that_is_not_utf_8_is_told_before_anything_else"),
    Attack("broken raw files, answers and texts", "broke",
           "test_security_fuzzing.py::test_some_broken_inputs_and_all_kept_ones_are_told_in_a_line"),
    Attack("ten minutes each of further ones", "broke",
           "test_security_fuzzing.py::test_ten_minutes_of_broken_inputs_are_told_in_a_line"),
    Attack("XML with entities", "held",
           "test_corpora_readers.py::test_genia_entity_bomb_is_refused"),
    Attack("pickled weights", "held", "test_models.py::test_pickled_weights_are_refused"),
    Attack("SIGKILL at random moments of a training", "held",
           "test_train_killed.py::"
           "test_a_training_killed_ten_times_ends_with_the_weights_of_an_undisturbed_one"),
    Attack("SIGKILL at fifty moments over all stages of a flow", "broke",
           "test_flow_killed.py::test_fifty_kills_over_all_stages_change_no_byte_of_what_is_made"),
    Attack("half-written files of killed processes", "broke",
           "test_disks.py::"
           "test_what_a_killed_process_left_half_written_is_removed_by_the_next_one"),
    Attack("a second job on the same checkpoints", "held",
           "test_interruption.py::test_checkpoints_are_one_job_s_at_a_time"),
    Attack("the JSON result or record of another run in a run's place", "broke",
           "test_disks.py::test_the_result_of_another_run_is_not_taken_for_a_run_s_own"),
    Attack("predictions and record of another run in a run's place", "broke",
           "test_disks.py::test_predictions_of_another_run_are_refused_with_their_card"),
    Attack("a corpus in the place of another one", "broke",
           "test_disks.py::test_the_corpus_of_another_name_is_refused"),
    Attack("a corpus file of the user's, exchanged between two runs", "broke",
           "test_disks.py::test_a_corpus_file_of_the_user_s_is_compared_by_content"),
    Attack("a file of another machine that is not visible yet", "broke",
           "test_disks.py::test_a_shard_that_is_seen_late_is_done_again"),
    Attack("a shared disk that does not remove old checkpoints", "broke",
           "test_disks.py::test_what_a_shared_disk_does_not_remove_loses_no_finished_work"),
    Attack("a disk that refuses to write, at each step of writing", "broke",
           "test_disks.py::test_a_disk_that_takes_nothing_is_told_and_leaves_nothing"),
    Attack("other umasks", "held",
           "test_disks.py::test_results_have_the_rights_that_the_user_s_mask_leaves"),
    Attack("a home directory that cannot be written", "held",
           "test_disks.py::test_stages_need_no_home_that_can_be_written"),
    Attack("two main processes in one folder", "held",
           "test_two_runs.py::test_of_two_main_processes_in_one_folder_one_is_refused"),
    Attack("a clock that was set back", "broke",
           "test_disks.py::test_a_clock_that_was_set_back_is_told_before_anything_is_planned"),
    Attack("errors that cannot pass, tried again by Snakemake", "broke",
           "test_disks.py::test_a_download_that_can_never_succeed_is_tried_once"),
    Attack("requests that an endpoint refuses, tried again", "held",
           "test_engines_openai.py::test_what_can_never_succeed_is_not_tried_again"),
    Attack("control tokens in a text", "broke",
           "test_chat.py::test_control_tokens_in_a_text_are_text"),
    Attack("a chat template that does not end", "broke",
           "test_chat.py::test_a_template_that_does_not_end_is_refused_in_time"),
    Attack("spreadsheet formulas in ids and texts", "broke",
           "test_annotate_cases.py::test_a_spreadsheet_runs_no_formula"),
    Attack("links that lead out of an input folder", "broke",
           "test_annotate_cases.py::test_links_that_lead_out_of_a_folder_are_told_and_not_followed"),
    Attack("deeply nested JSON and XML, negative offsets, keys twice", "broke",
           "test_annotate_cases.py::test_a_broken_input_is_refused_in_one_line_at_once"),
    Attack("hard links in an archive", "broke",
           "test_corpora.py::"
           "test_a_hard_link_in_an_archive_has_the_content_of_what_it_is_a_name_of"),
    Attack("jobs without memory on a Slurm cluster, at every stage", "broke",
           "test_slurm_faults.py::test_a_job_without_memory_is_told_with_what_it_requested"),
    Attack("preemption with a grace time, at every stage", "broke",
           "test_slurm_faults.py::test_a_preempted_job_is_told_and_may_be_started_again"),
    Attack("SIGTERM that Slurm sends to Snakemake and not to its job", "broke",
           "test_slurm_told.py::test_a_job_gets_the_sigterm_that_slurm_sends_to_snakemake_alone"),
    Attack("a controller that is restarted while jobs run, `squeue` failing meanwhile", "broke",
           "test_slurm_faults.py::"
           "test_jobs_run_on_without_a_controller_and_are_watched_again_after_it"),
    Attack("jobs that can never start", "broke",
           "test_slurm_faults.py::"
           "test_a_job_that_never_starts_is_told_with_the_reason_and_what_to_do"),
    Attack("requests that no node can meet", "held",
           "test_slurm_faults.py::test_a_request_that_no_node_can_meet_is_told_as_it_is_submitted"),
    Attack("held jobs", "broke",
           "test_slurm_faults.py::test_a_held_job_is_told_with_how_to_release_it"),
    Attack("a prolog that fails", "broke",
           "test_slurm_faults.py::test_a_failed_prolog_drains_its_node_and_is_told"),
    Attack("a kill between two results of a job, at every stage", "held",
           "test_slurm_faults.py::test_a_job_that_is_killed_between_its_results_is_done_again"),
    Attack("all of these one after the other", "broke",
           "test_slurm_faults.py::"
           "test_after_all_faults_the_results_are_those_of_an_undisturbed_flow"),
    Attack("formulas in lists of texts and mentions, and in tables of cases", "broke",
           "test_security_spreadsheets.py::"
           "test_whatever_else_writes_csv_escapes_texts_of_others"),
    Attack("JSON lines of others that are nested deeply or not UTF-8", "broke",
           "test_security_json.py::test_lines_of_json_that_nobody_can_read_are_told"),
    Attack("answers of an endpoint that are nested deeply", "broke",
           "test_security_json.py::test_an_endpoint_s_answer_that_nobody_can_read_is_none"),
]  # fmt: skip


def cases(reports: Iterable[Path]) -> dict[str, list[str]]:
    """Return the outcomes of all cases of each test: passed, skipped, failure or error.

    Of a case that is in several reports, the last one counts.
    """
    last: dict[tuple[str, str], str] = {}
    for report in reports:
        for case in ElementTree.parse(report).iter("testcase"):
            module = case.attrib["classname"].rpartition(".")[2]
            said = {child.tag for child in case} & {"skipped", "failure", "error"}
            last[module, case.attrib["name"]] = min(said, default="passed")
    found: dict[str, list[str]] = {}
    for (module, name), its in last.items():
        found.setdefault(f"{module}.py::{name.partition('[')[0]}", []).append(its)
    return found


def outcome(cases: Iterable[str]) -> str:
    """Return whether an attack held: all cases of its test that ran passed, and one did."""
    ran = [case for case in cases if case != "skipped"]
    if not ran:
        return "not run"
    return f"held ({len(ran)})" if set(ran) == {"passed"} else "broke"


def row(attack: Attack, now: str) -> str:
    """Return a row of the table."""
    return f"| {attack.tried} | {attack.first} | {now} | `{attack.test}` |\n"


def day(report: Path) -> str:
    """Return the date of a report."""
    return next(ElementTree.parse(report).iter("testsuite")).attrib["timestamp"][:10]


def page(reports: Sequence[Path]) -> str:
    """Return the page with the outcomes that reports have."""
    before, _, _ = PAGE.read_text("utf-8").partition(HEADING)
    intro = (
        "The second column says what happened before there was a test. The third one is written by "
        "`make attacks` from\nthe outcomes of the tests, with the number of cases that ran "
        f"({' and '.join(sorted(set(map(day, reports))))}).\n\n"
    )
    found = cases(reports)
    rows = (row(attack, outcome(found.get(attack.test, []))) for attack in ATTACKS)
    return f"{before}{HEADING}{intro}{COLUMNS}{''.join(rows)}"


if __name__ == "__main__":
    if sys.argv[1:]:
        PAGE.write_text(page([Path(report) for report in sys.argv[1:]]), "utf-8")
    else:
        print(*(f"tests/{attack.test}" for attack in ATTACKS))
