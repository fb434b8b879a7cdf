"""What turns images and sound into tokens of a language model's prompt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Encoder:
    """The encoder in front of a model: tokens that an image or a second of sound takes of the
    prompt (None = it reads none), its own parameters [billions], and the positions (patches,
    frames) that it works on for each of those tokens."""

    model: str
    tokens_per_image: float | None
    tokens_per_audio_s: float | None
    params_b: float
    positions_per_token: float
    verified: str
    source: str
    note: str

    def work_tokens(self, tokens: float, active_params_b: float) -> float:
        """Its work on so many tokens, as prompt tokens of a model with the same FLOPs.

        w = n p P_encoder / P_active, at 2 FLOPs a parameter and position

        >>> one = Encoder("m", 576.0, None, 0.3, 1.0, "", "", "")
        >>> round(one.work_tokens(576.0, 6.7), 1)
        25.8
        """
        return tokens * self.positions_per_token * self.params_b / active_params_b
