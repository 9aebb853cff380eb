"""What rules look up of work that is shared out among jobs: IFD scores and predictions."""

from bionerflow.workflow.plan.runs import RunsPlan


class SharingPlan(RunsPlan):
    """Look-ups of the jobs that make a file; how many they are is no setting of what they make."""

    def curating(self, run: str) -> str:
        """Return how a run's training set is chosen."""
        return self.run(run).curate.model_copy(update={"jobs": 1}).dump()

    def answering(self, run: str) -> str:
        """Return how a run answers test sentences."""
        return self.run(run).predict.model_copy(update={"jobs": 1}).dump()

    def scoring_jobs(self, scorer: str, mode: str) -> int:
        """Return how many jobs score a corpus: as many as the run says that says most."""
        asking = [run.curate for run in self.runs.values()]
        return max([c.jobs for c in asking if (c.scorer, c.mode) == (scorer, mode)], default=1)

    def shared_out(self) -> dict[str, int]:
        """Return how many jobs make a file, where several do: by its path, without ending."""
        jobs = {
            self.prediction_file(id): run.predict.jobs
            for id, run in self.runs.items()
            if run.system == "llm"
        }
        for id, run in self.runs.items():
            mode, scorer = run.curate.mode, run.curate.scorer
            jobs |= {stem: self.scoring_jobs(str(scorer), mode) for stem in self.scores(id)}
        return {stem: number for stem, number in jobs.items() if number > 1}

    def shares_of(self, stem: str) -> list[str]:
        """Return the files, without ending, that such a file is put together from."""
        jobs = self.shared_out()[stem]
        return [f"{stem}.parts/{n + 1}of{jobs}" for n in range(jobs)]
