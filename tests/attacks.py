"""The table of attacks: what was tried, whether it held at first, and the test that holds it now.

Call `python tests/attacks.py` to print it as Markdown. A test checks that the named tests exist.
"""

from typing import NamedTuple


class Attack(NamedTuple):
    """Something that was tried; `first` is held or broke, before it had a test."""

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
    Attack("a shard of a checkpoint that lacks rows", "broke",
           "test_damage.py::test_a_shard_that_lacks_rows_is_done_again"),
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
    Attack("a disk without locks", "broke",
           "test_damage.py::test_a_disk_without_locks_is_told_and_used"),
    Attack("a sharded training continued on another number of processes", "broke",
           "test_damage.py::test_a_sharded_training_tells_of_another_number_of_processes"),
    Attack("a process that sees several GPUs", "broke",
           "test_gpus.py::test_the_effective_batch_is_what_was_asked_whatever_a_process_sees"),
    Attack("several jobs inside an allocation of several GPUs", "broke",
           "test_gpus.py::test_jobs_inside_an_allocation_of_several_gpus_use_different_ones"),
    Attack("a locale that is not UTF-8", "broke",
           "test_gpus.py::test_a_locale_that_is_not_utf_8_is_told_before_anything_else"),
    Attack("broken raw files, answers and texts", "broke",
           "test_security_fuzzing.py::test_some_broken_inputs_and_all_kept_ones_are_told_in_a_line"),
    Attack("XML with entities", "held",
           "test_corpora_readers.py::test_genia_entity_bomb_is_refused"),
    Attack("pickled weights", "held", "test_models.py::test_pickled_weights_are_refused"),
    Attack("SIGKILL at random moments of a training", "held",
           "test_train_killed.py::"
           "test_a_training_killed_ten_times_ends_with_the_weights_of_an_undisturbed_one"),
    Attack("a second job on the same checkpoints", "held",
           "test_interruption.py::test_checkpoints_are_one_job_s_at_a_time"),
]  # fmt: skip


def table() -> str:
    """Return the attacks as a Markdown table."""
    lines = ["| tried | at first | now held by |", "|---|---|---|"]
    lines += [f"| {one.tried} | {one.first} | `{one.test}` |" for one in ATTACKS]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
