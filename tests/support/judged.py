"""What a judgement says of its inputs, as tests compare it: by the index of the input."""

from __future__ import annotations

from hubwire.deliver.verdicts.judgement import Blamed, Judgement, Returned


def returned_of(judgement: Judgement, index: int = 0) -> Returned:
    """The record that came back for an input, which must be there."""
    returned = judgement.inputs[index].returned
    assert returned is not None
    return returned


def blame_of(judgement: Judgement) -> dict[int, list[Blamed]]:
    """The refused properties of the inputs that have any."""
    return {index: judged.blamed for index, judged in enumerate(judgement.inputs) if judged.blamed}


def again_of(judgement: Judgement) -> list[int]:
    """The inputs that are sent again at once."""
    return [index for index, judged in enumerate(judgement.inputs) if judged.is_again]


def gone_of(judgement: Judgement) -> list[int]:
    """The inputs whose record id leads nowhere."""
    return [index for index, judged in enumerate(judgement.inputs) if judged.is_gone]


def existing_of(judgement: Judgement) -> dict[int, str]:
    """The ids of records that are in the way."""
    return {index: judged.existing_id for index, judged in enumerate(judgement.inputs) if judged.existing_id}
