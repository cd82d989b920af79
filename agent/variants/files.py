"""Where the other forms of a model file lie: `fan.onnx` has `fan.float.onnx` beside it, or in the
folder `variants` there, as a zoo has, whose names they must not be."""

from pathlib import Path

FORMS = ("float", "int8-weights", "int8-full")


def beside(model: Path, form: str) -> Path:
    """Where that form of a zoo's `model` is written."""
    return model.parent / "variants" / f"{model.stem}.{form}.onnx"


def found(model: Path) -> dict[str, Path]:
    """Form -> file, of those that are there."""
    near = {form: model.with_suffix(f".{form}.onnx") for form in FORMS}
    both = {form: [beside(model, form), file] for form, file in near.items()}
    there = {form: [file for file in files if file.is_file()] for form, files in both.items()}
    return {form: files[0] for form, files in there.items() if files}
