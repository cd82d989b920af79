"""Where the other forms of a model file lie: `fan.onnx` has `fan.float.onnx` beside it, or in the
folder `variants` there, as a zoo has, whose names they must not be."""

from pathlib import Path

FORMS = ("float", "int8-weights", "int8-full")


def in_zoo(model: Path, form: str) -> Path:
    return model.parent / "variants" / f"{model.stem}.{form}.onnx"


def near(model: Path, form: str) -> Path:
    return model.with_suffix(f".{form}.onnx")


def found(model: Path) -> dict[str, Path]:
    """Form -> file, of those that are there."""
    both = {form: (in_zoo(model, form), near(model, form)) for form in FORMS}
    there = {form: [file for file in files if file.is_file()] for form, files in both.items()}
    return {form: files[0] for form, files in there.items() if files}
