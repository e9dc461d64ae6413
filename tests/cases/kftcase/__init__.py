"""The parts of the case runner: case files, the program under test, steps, comparison, TAP."""
