"""The visit as its executor sees it: everything of `context.Context`."""

from collections.abc import Mapping, Sequence

from django.conf import settings

from orchestration.choices import VALIDATIONS, WaitKind
from orchestration.runtime import asking, model_steps, paths, pausing, prompts, screenshots, standins, steps, subflows
from orchestration.runtime.branching import Branches
from orchestration.runtime.context import Answer, BranchStart, Child, Place, StandIn, Strategy, Told, Turn
from orchestration.runtime.outcomes import ERROR, Error, Json, RegionEnd
from orchestration.runtime.ports import Region
from orchestration.runtime.visiting import Visit
from procedures.ckp.document import HumanApprovalNode, Operation, Step, StepValidation, SubflowNode, Transformation
from procedures.ckp.operations import run_transformations


class VisitContext(Visit):
    """A visit with its steps, questions and regions."""

    region: Region

    def step(self, step: Step, *place: Place, handled: int = 0) -> Json:
        return steps.run(self, step, place, handled=handled)

    def about(self, error: Error | None) -> None:
        if error is None:
            self.values.forget(ERROR)
        else:
            self.values.see({ERROR: error.as_json()})

    def recover(self, steps_: Sequence[Step], handler: int, act: int, *place: Place) -> None:
        path = paths.handler(self.path, handler, act)
        for index, step in enumerate(steps_):
            steps.run(self, step, (*place, index), path=path)

    def check(self, validation: StepValidation, check_id: str, *place: Place) -> Json:
        asked = {"target": validation.target, "expected_values": validation.expected_values}
        given = {name: value for name, value in asked.items() if value is not None}
        step = Step(step_id=check_id, action=validation.check, **given)
        return steps.run(self, step, place, path=self.path + VALIDATIONS)

    def picture(self, error: Error) -> None:
        if not self.document.global_config.screenshot_on_fail:
            screenshots.of_error(self, error)

    def operation(self, operation: Operation, *place: Place) -> Json:
        return steps.operate(self, operation, place)

    def transform(self, transformations: Sequence[Transformation]) -> None:
        sources = [{**one.parameters, **one.model_dump(exclude={"params"})} for one in transformations]
        if standins.assumes(self, "transformations"):
            for one in transformations:
                self.write(one.output_variable, standins.assumed(one.type))
            return
        changes = run_transformations(sources, self.values.working(("transformations",), self.look_at_work))
        self.values.tell()
        for name, value in changes.items():
            self.write(name, value)

    def mapped(self, source: str, result: Json, *place: Place, from_model: bool = False) -> Json:
        return standins.taken(self, source, result, place, from_model=from_model)

    @property
    def most_repairs(self) -> int:
        return int(settings.ENV.LLM_MAX_REPAIRS)

    def prompt(self, source: str, *place: Place) -> Told:
        return prompts.text(self, source, place)

    def attached(self, source: Json, *place: Place) -> Told:
        return prompts.value(self, source, place)

    def model(self, turns: Sequence[Turn], number: int) -> Told:
        return model_steps.ask(self, turns, number)

    def stand_in(self) -> StandIn | None:
        return standins.for_model(self)

    def pause(self, ref: str, milliseconds: float) -> None:
        pausing.pause(self, WaitKind.RETRY, f"{self.path}{ref}", milliseconds)

    @property
    def most_iterations(self) -> int:
        return int(settings.ENV.MAX_LOOP_ITERATIONS)

    def assumes(self, *place: Place) -> bool:
        return standins.assumes(self, *place)

    def assumed(self, *place: Place) -> Json:
        return standins.assumed("subflow") if standins.assumes(self, *place) else None

    def approval(self, node: HumanApprovalNode) -> Answer | None:
        return asking.approval(self, node)

    def override(self) -> StandIn | None:
        return standins.for_node(self)

    def child(self) -> Child | None:
        return subflows.current(self)

    def start_child(self, node: SubflowNode, given: Mapping[str, Json]) -> Child:
        return subflows.start(self, node, given)

    def output(self, source: Json, outputs: Mapping[str, Json], *place: Place) -> Json:
        return self.values.over(source, outputs, place)

    def iteration(self, index: int, entry: str, bound: Mapping[str, Json]) -> RegionEnd:
        return self.region.iteration(self, index).run({**self.shared, **bound}, entry)

    def begun(self, index: int) -> bool:
        return bool(self.drive.records.region(paths.iteration(self.path, index)))

    def branches(self, starts: Sequence[BranchStart], strategy: Strategy) -> Mapping[str, RegionEnd]:
        return Branches(self, self.region, starts, strategy).run()
