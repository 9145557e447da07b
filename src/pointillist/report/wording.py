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
OLOFSSON_2013 = (
    "Olofsson, P., Foody, G. M., Stehman, S. V., Woodcock, C. E. (2013). Making better use of "
    "accuracy data in land change studies: Estimating accuracy and area and quantifying "
    "uncertainty using stratified estimation. Remote Sensing of Environment 129, 122–131."
)
SARNDAL = (
    "Särndal, C.-E., Swensson, B., Wretman, J. (1992). Model Assisted Survey Sampling. Springer, "
    "New York."
)
WILSON = (
    "Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. "
    "Journal of the American Statistical Association 22, 209–212."
)
ZOU = (
    "Zou, G. Y., Huang, W., Zhang, X. (2009). A note on confidence interval estimation for a "
    "linear function of binomial proportions. Computational Statistics and Data Analysis 53, "
    "1080–1085."
)
RAO = (
    "Rao, J. N. K., Wu, C. F. J. (1988). Resampling inference with complex survey data. Journal "
    "of the American Statistical Association 83, 231–241."
)
COCHRAN = "Cochran, W. G. (1977). Sampling Techniques, 3rd ed. Wiley, New York."

Paragraph = list[tuple[str, bool]]
"""Pieces of text, each with whether the writer has to fill it in."""

_DEFINITIONS = (
    "User's accuracy is the share of a map class that is right (precision), producer's accuracy "
    "the share of a reference class that the map found (recall). Mean IoU averages the classes "
    "that occur in the reference."
)
_BLANKS = (
    "[Say who labelled the points, from which imagery of which date, by which rules, whether they "
    "could see the map, and how doubtful points were settled.]"
)


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


def explain_methods(a: Mapping[str, Any]) -> list[Paragraph]:
    """Paragraphs for a methods section, as pieces of text.

    What only the writer can know is left as a piece to be filled in, marked as such.

    Args:
        a: An assessment as JSON.
    """
    if a["kind"] == "census":
        body = [(_census(a), False)]
    elif a["kind"] == "design-based":
        return [
            [(_sample(a), False), (f" {_BLANKS}", True)],
            [(_estimation(a), False)],
            [(_DEFINITIONS, False)],
        ]
    else:
        body = [(_description(a), False)]
    return [body, [(_DEFINITIONS, False)]]


def methods_text(a: Mapping[str, Any]) -> str:
    """The same as plain text."""
    return "\n\n".join("".join(text for text, _ in piece) for piece in explain_methods(a))


def references(a: Mapping[str, Any]) -> list[str]:
    """Publications behind the estimators."""
    if a["kind"] != "design-based":
        return []
    found = [OLOFSSON, SARNDAL, WILSON, ZOU]
    if len(a["design"]["strata"]) == 1 or a["design"].get("estimator") == "post-stratified":
        found = [COCHRAN, *found]
    elif a["design"]["strata_are_map_classes"]:
        found = [OLOFSSON_2013, *found]
    else:
        found.append(STEHMAN)
    if a.get("bootstrap"):
        found.append(RAO)
    return sorted(found)


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


def _census(a: Mapping[str, Any]) -> str:
    return (
        f"The map {a['map']} was compared pixel by pixel with the reference {a['reference']} "
        f"({count(a['n'])} labelled pixels). Unlabelled reference pixels were ignored; "
        "labelled pixels that the map leaves without a class count as errors. Areas are shares "
        "of the reference. The figures are a census of the labelled pixels and have no sampling "
        "error."
    )


def _description(a: Mapping[str, Any]) -> str:
    return (
        f"The map {a['map']} was compared with {count(a['n'])} labelled pixels of "
        f"{a['reference']}. They are not known to be a probability sample, so the "
        "figures are unweighted counts at these places and are given without intervals. Areas are "
        "pixel counts of the map, not corrected for its errors."
    )


def _sample(a: Mapping[str, Any]) -> str:
    """How the points were drawn."""
    strata = a["design"]["strata"]
    drawn = (
        f"The accuracy of the map {a['map']} was assessed with a {design_name(a)} sample of "
        f"{count(a['n'])} points ({a['reference']}); the sampling unit is one pixel of the map."
    )
    if len(strata) == 1:
        return f"{drawn} The population are {count(strata[0]['pixels'])} pixels.{_unanswered(a)}"
    what = "the classes of the map" if a["design"]["strata_are_map_classes"] else "not its classes"
    if a["design"].get("estimator") == "post-stratified":
        what += ", formed after the draw"
    allocation = "; ".join(
        f"{s['name']}: {count(s['n'])} of {count(s['pixels'])} pixels" for s in strata
    )
    return f"{drawn} The strata are {what}, with this allocation: {allocation}.{_unanswered(a)}"


def _unanswered(a: Mapping[str, Any]) -> str:
    """What became of sampled places that nobody could label; nothing where there are none."""
    missing = a.get("nonresponse")
    if not missing:
        return ""
    return (
        f" {count(missing['n'])} of {count(missing['n_sampled'])} sampled places could not be "
        f"labelled; {missing['assumption'][0].lower()}{missing['assumption'][1:].rstrip('.')}."
    )


def _estimation(a: Mapping[str, Any]) -> str:
    if a["design"].get("estimator") == "post-stratified":
        estimator = "post-stratified estimators, strata being the classes of the map (Cochran 1977)"
    elif len(a["design"]["strata"]) == 1:
        estimator = "the estimators of simple random sampling (Cochran 1977)"
    elif a["design"]["strata_are_map_classes"]:
        estimator = "the stratified estimators of Olofsson et al. (2013, 2014)"
    else:
        estimator = (
            "the stratified ratio estimators for strata other than the map classes (Stehman 2014)"
        )
    fpc = "with" if a["design"]["fpc"] else "without"
    systematic = (
        " The variance of the systematic sample was estimated as that of a simple random one."
        if a["design"]["name"] == "systematic"
        else ""
    )
    return (
        f"Accuracy and area were estimated by {estimator}, {fpc} finite population correction. "
        "Standard errors of ratios are by linearisation (Särndal et al. 1992)."
        f"{systematic} Intervals are at the {confidence(a)} % level {_intervals(a)}. "
        "Areas are error-adjusted: estimated shares of the reference classes, not counts of map "
        "pixels."
    )


def _intervals(a: Mapping[str, Any]) -> str:
    """How the intervals were made."""
    return str(
        a.get("intervals") or "(normal approximation; Wilson score where all samples agree)"
    ).rstrip(".")
