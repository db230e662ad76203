"""What is tried: a further kind is an entry here, see `cases`."""

from .cases import Kind
from .damage import DAMAGE
from .disk import DISK
from .intervals import INTERVALS
from .kills import KILLS
from .lists import FUZZED_LISTS
from .mutated import MUTATED_INPUTS

KINDS: tuple[Kind, ...] = (KILLS, DAMAGE, DISK, FUZZED_LISTS, MUTATED_INPUTS, INTERVALS)
