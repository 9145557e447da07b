"""The LaTeX commands that formulas may use, and the characters they stand for."""

from __future__ import annotations

_GREEK = (
    "alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε zeta ζ eta η theta θ vartheta ϑ "
    "iota ι kappa κ lambda λ mu μ nu ν xi ξ pi π varpi ϖ rho ρ varrho ϱ sigma σ varsigma ς "
    "tau τ upsilon υ phi ϕ varphi φ chi χ psi ψ omega ω "
    "Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω "
    "ell ℓ partial ∂ infty ∞ nabla ∇ emptyset ∅ varnothing ∅ hbar ℏ forall ∀ exists ∃ neg ¬ "
    "top ⊤ bot ⊥ degree ° prime ′"
)
_OPERATORS = (
    "pm ± mp ∓ times × div ÷ cdot ⋅ ast ∗ star ⋆ circ ∘ bullet ∙ oplus ⊕ ominus ⊖ otimes ⊗ odot ⊙ "
    "cap ∩ cup ∪ setminus ∖ wedge ∧ land ∧ vee ∨ lor ∨ "
    "le ≤ leq ≤ ge ≥ geq ≥ ll ≪ gg ≫ ne ≠ neq ≠ equiv ≡ sim ∼ simeq ≃ approx ≈ cong ≅ propto ∝ "
    "in ∈ notin ∉ ni ∋ subset ⊂ subseteq ⊆ supset ⊃ supseteq ⊇ mid ∣ parallel ∥ perp ⊥ "
    "to → rightarrow → leftarrow ← gets ← leftrightarrow ↔ Rightarrow ⇒ implies ⟹ Leftarrow ⇐ "
    "Leftrightarrow ⇔ iff ⟺ mapsto ↦ uparrow ↑ downarrow ↓ colon : "
    "dots … ldots … cdots ⋯ vdots ⋮ ddots ⋱"
)
_LARGE = "sum ∑ prod ∏ coprod ∐ int ∫ iint ∬ oint ∮ bigcup ⋃ bigcap ⋂ bigoplus ⨁ bigotimes ⨂"
_OPENING = "langle ⟨ lfloor ⌊ lceil ⌈ lvert | lVert ‖ lbrace { lbrack ["
_CLOSING = "rangle ⟩ rfloor ⌋ rceil ⌉ rvert | rVert ‖ rbrace } rbrack ]"


def _pairs(text: str) -> dict[str, str]:
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


LETTERS = _pairs(_GREEK)
OPERATORS = _pairs(_OPERATORS)
LARGE = _pairs(_LARGE)
OPENING = _pairs(_OPENING) | {"{": "{"}
CLOSING = _pairs(_CLOSING) | {"}": "}"}
BARS = {"vert": "|", "Vert": "‖", "|": "‖"}

# Large operators whose bounds stay beside the sign.
INTEGRALS = frozenset("∫∬∮")

# Named functions, and whether a subscript goes below them in displayed formulas.
_PLAIN = "arccos arcsin arctan cos cosh cot deg dim exp hom ker lg ln log sin sinh tan tanh"
_WITH_LIMITS = "argmax argmin det gcd inf lim liminf limsup max min Pr sup"
FUNCTIONS = dict.fromkeys(_PLAIN.split(), False) | dict.fromkeys(_WITH_LIMITS.split(), True)
# With thin spaces.
SPELLED = {name: f"{name[:3]}\u2009{name[3:]}" for name in ["argmax", "argmin", "liminf", "limsup"]}

# Widths in em.
SPACES = {",": 1 / 6, ":": 2 / 9, ">": 2 / 9, ";": 5 / 18, "!": -1 / 6, " ": 1 / 4}
SPACES |= {"quad": 1.0, "qquad": 2.0, "enspace": 0.5, "thinspace": 1 / 6}

ACCENTS = {
    "hat": "^", "widehat": "^", "bar": "¯", "overline": "¯", "tilde": "~", "widetilde": "~",
    "vec": "→", "dot": "˙", "ddot": "¨", "check": "ˇ",
}  # fmt: skip

# Commands that set letters in another alphabet.
ALPHABETS = {
    "mathbf": "bold", "boldsymbol": "bold", "bm": "bold", "mathbb": "double", "mathcal": "script",
    "mathscr": "script", "mathsf": "sans", "mathtt": "mono", "mathfrak": "fraktur",
}  # fmt: skip

_FIRST = {
    "bold": (0x1D400, 0x1D41A, 0x1D7CE),
    "double": (0x1D538, 0x1D552, 0x1D7D8),
    "script": (0x1D49C, 0x1D4B6, None),
    "sans": (0x1D5A0, 0x1D5BA, 0x1D7E2),
    "mono": (0x1D670, 0x1D68A, 0x1D7F6),
    "fraktur": (0x1D504, 0x1D51E, None),
}
_BOLD_GREEK = (0x1D6A8, 0x1D6C2)
# Letters that Unicode had before it had the whole alphabets.
_EARLIER = {
    "double": dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True)),
    "script": dict(zip("BEFHILMRego", "ℬℰℱℋℐℒℳℛℯℊℴ", strict=True)),
    "fraktur": dict(zip("CHIRZ", "ℭℌℑℜℨ", strict=True)),
}


def in_alphabet(char: str, alphabet: str) -> str:
    """A letter or digit of a mathematical alphabet; other characters stay as they are."""
    if char in _EARLIER.get(alphabet, {}):
        return _EARLIER[alphabet][char]
    upper, lower, digit = _FIRST[alphabet]
    if "A" <= char <= "Z":
        return chr(upper + ord(char) - ord("A"))
    if "a" <= char <= "z":
        return chr(lower + ord(char) - ord("a"))
    if "0" <= char <= "9" and digit is not None:
        return chr(digit + ord(char) - ord("0"))
    if alphabet == "bold" and "Α" <= char <= "Ω":
        return chr(_BOLD_GREEK[0] + ord(char) - ord("Α"))
    if alphabet == "bold" and "α" <= char <= "ω":
        return chr(_BOLD_GREEK[1] + ord(char) - ord("α"))
    return char
