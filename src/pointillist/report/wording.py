"""An assessment in plain words: what kind it is, what it found, how it was made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointillist.report.stated import Stated, count

KIND_NAMES = {
    "census": "Census",
    "design-based": "Design-based estimate",
    "descriptive": "Descriptive figures",
}
_DESIGN_NAMES = {
    "simple": "simple random",
    "systematic": "systematic",
    "stratified": "stratified random",
    "balanced": "stratified random (equal numbers per stratum)",
}
OLOFSSON = (
    "Olofsson, P., Foody, G. M., Herold, M., Stehman, S. V., Woodcock, C. E., Wulder, M. A. "
    "(2014). Good practices for estimating area and assessing accuracy of land change. Remote "
    "Sensing of Environment 148, 42–57."
)
STEHMAN = (
    "Stehman, S. V. (2014). Estimating area and map accuracy for stratified random sampling when "
    "the strata are different from the map classes. International Journal of Remote Sensing "
    "35(13), 4923–4939."
)
COCHRAN = "Cochran, W. G. (1977). Sampling Techniques, 3rd ed. Wiley, New York."


def explain_kind(a: Mapping[str, Any]) -> str:
    """What the figures are, in a sentence or two."""
    n = count(a["n"])
    if a["kind"] == "census":
        return (
            f"All {n} labelled pixels of the reference were compared with the map. The figures "
            "are facts about these pixels; no sampling is involved, so they carry no intervals."
        )
    if a["kind"] == "design-based":
        return (
            f"Estimated for the whole map from {n} reference points of a "
            f"{design_name(a)} sample. Each interval covers the true value with "
            f"{confidence(a)} % confidence, as far as the reference itself is right."
        )
    return (
        f"Counted at {n} reference pixels that are not known to be a probability sample. The "
        "figures describe these places only. They are no estimate for the whole map, so they carry "
        "no intervals."
    )


def explain_methods(a: Mapping[str, Any]) -> str:
    """A paragraph for a methods section."""
    common = (
        "User's accuracy is the share of a map class that is right (precision), producer's "
        "accuracy the share of a reference class that the map found (recall). Mean IoU averages "
        "the classes that occur in the reference."
    )
    if a["kind"] == "census":
        method = (
            f"The map {a['map']} was compared pixel by pixel with the reference {a['reference']} "
            f"({count(a['n'])} labelled pixels). Unlabelled reference pixels were ignored; "
            "labelled pixels that the map leaves without a class count as errors. Areas are shares "
            "of the reference."
        )
    elif a["kind"] == "design-based":
        method = _estimation(a)
    else:
        method = (
            f"The map {a['map']} was compared with {count(a['n'])} labelled pixels of "
            f"{a['reference']}. They are not known to be a probability sample, so the "
            "figures are unweighted counts. Areas are pixel counts of the map, "
            "not corrected for its errors."
        )
    return f"{method} {common}"


def references(a: Mapping[str, Any]) -> list[str]:
    """Publications behind the estimators."""
    if a["kind"] != "design-based":
        return []
    if len(a["design"]["strata"]) == 1:
        return [COCHRAN, STEHMAN]
    return [OLOFSSON] if a["design"]["strata_are_map_classes"] else [STEHMAN]


def largest_confusions(a: Mapping[str, Any], limit: int = 5) -> list[dict[str, Any]]:
    """The most frequent mistakes, largest first: what is shown as what, and how much of it.

    Args:
        a: An assessment as JSON.
        limit: How many.

    Returns:
        `reference`, `map` (class names), `share` of the reference class, `weight` in the whole.
    """
    matrix, names = shares(a), a["classes"]
    columns = [sum(row[j] for row in matrix) for j in range(len(names))]
    found = [
        {
            "map": names[i] if i < len(names) else None,
            "reference": names[j],
            "share": matrix[i][j] / columns[j],
            "weight": matrix[i][j],
        }
        for i in range(len(matrix))
        for j in range(len(names))
        if i != j and matrix[i][j] > 0
    ]
    return sorted(found, key=lambda f: -f["weight"])[:limit]


def shares(a: Mapping[str, Any]) -> list[list[float]]:
    """The error matrix as shares of the whole (C + 1 rows, the last one unmapped).

    Estimated shares where there are any; else shares of the counts.
    """
    estimated = (a.get("design") or {}).get("estimated_matrix")
    if estimated and all(v is not None for row in estimated for v in row):
        return [list(map(float, row)) for row in estimated]
    rows = [*a["confusion_matrix"], [a["unmapped"][name] for name in a["classes"]]]
    total = max(a["n"], 1)
    return [[v / total for v in row] for row in rows]


def design_name(a: Mapping[str, Any]) -> str:
    """The design as people call it."""
    name = str(a["design"]["name"])
    return _DESIGN_NAMES.get(name, name)


def confidence(a: Mapping[str, Any]) -> str:
    """The confidence in percent."""
    return f"{100 * a['confidence']:g}"


def headline(a: Mapping[str, Any]) -> str:
    """Overall accuracy in one short line."""
    overall = Stated.read(a["overall_accuracy"])
    interval = overall.percent_interval()
    return f"{overall.percent()} %" + (f" ({interval})" if interval else "")


def _estimation(a: Mapping[str, Any]) -> str:
    strata = a["design"]["strata"]
    if len(strata) == 1:
        sample = f"a {design_name(a)} sample of {count(a['n'])} points"
        estimator = "ratio estimators of simple random sampling"
    else:
        what = "the map classes" if a["design"]["strata_are_map_classes"] else "not the map classes"
        sample = (
            f"a {design_name(a)} sample of {count(a['n'])} points in {len(strata)} strata ({what})"
        )
        estimator = (
            "the stratified estimators of Olofsson et al. (2014)"
            if a["design"]["strata_are_map_classes"]
            else "the stratified ratio estimators of Stehman (2014)"
        )
    fpc = "with" if a["design"]["fpc"] else "without"
    return (
        f"Accuracy and area of the map {a['map']} were estimated from {sample}, by {estimator}, "
        f"{fpc} finite population correction. Intervals are at the {confidence(a)} % level "
        "(normal approximation; Wilson score where all samples agree). Areas are error-adjusted: "
        "estimated shares of the reference classes, not counts of map pixels."
    )
