"""Where the other forms of a model file lie.

`fan.onnx` has `fan.float.onnx` beside it or, in a zoo, in the folder `variants`: there a form is no
name of its own.
"""

from pathlib import Path

FORMS = ("float", "int8-weights", "int8-full")


def in_zoo(model: Path, form: str) -> Path:
    return model.parent / "variants" / f"{model.stem}.{form}.onnx"


def near(model: Path, form: str) -> Path:
    return model.with_suffix(f".{form}.onnx")


def existing(model: Path) -> dict[str, Path]:
    """Form -> file, of the forms that have one."""
    places = {form: (in_zoo(model, form), near(model, form)) for form in FORMS}
    files = {form: [file for file in both if file.is_file()] for form, both in places.items()}
    return {form: paths[0] for form, paths in files.items() if paths}
