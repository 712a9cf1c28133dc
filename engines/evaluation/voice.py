"""Evaluation of the voice: held-out recordings against what the voice makes of their controls."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from synchresis.engines.control import Controls
from synchresis.engines.evaluation import voice_judges as judges
from synchresis.engines.evaluation import voice_measures as measures
from synchresis.engines.evaluation.voice_attacks import FAR_MS, errors_ms, rise_ms, rises, spread_ms
from synchresis.engines.evaluation.voice_measures import fit_length
from synchresis.engines.evaluation.voice_playing import ROWS, HitPlayer, Hits, pack_player
from synchresis.engines.evaluation.voice_takes import HEARD, far_shares, takes_apart
from synchresis.engines.packs import Pack
from synchresis.engines.timebase import HOP, SAMPLE_RATE
from synchresis.engines.training.voice.recordings import Recordings, gather
from synchresis.engines.training.voice.split import Kind, read_held_out
from synchresis.engines.voice.copying import copy_mel
from synchresis.engines.voice.families import load_families
from synchresis.engines.voice.model_voice import ModelVoice
from synchresis.engines.voice.voice import Voice
from synchresis.engines.zone import Zone
from synchresis.errors import InputError
from synchresis.kernels.overlap_add import RISE

Floats = NDArray[np.float32]

HOPS: Final = 240
"""Longest hit compared, hops (1.28 s)."""

SHORTEST: Final = 2048
PREFIXES: Final = ("", "copy_", "sampler_")
"""Of attack errors in rows and summaries: of the made hit, and of what stands beside it."""

OTHER_SEEDS: Final = (11, 12)
"""Of hits made once more, where one draw of noise would say too little."""

RISE_STEPS: Final = (0.3, 0.6, 1.0)
"""Strengths at which it is measured when hits rise."""

LOUD_STEPS: Final = (0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0)
TAKES: Final = 3
CLOSEST_MODEL: Final = {
    "wood_hit": "wood", "woodblock_claves": "wood", "door_knock": "wood", "footstep_wood": "wood",
    "glass_hit": "glass", "glass_break": "glass", "ceramic_dish": "ceramic", "plastic": "plastic",
    "metal_hit_large": "metal", "metal_hit_small": "metal", "metal_pan_pot": "metal",
    "hammer_tool": "metal", "footstep_metal": "metal", "metal_rattle_coins": "metal",
    "bell_chime": "bell", "cymbal": "cymbal", "hihat": "cymbal", "stone_rock": "stone",
    "drum_hand": "skin", "tom_kick": "skin", "cajon": "skin", "snare": "skin",
    "water_splash": "water", "water_drop_bubble": "water", "footstep_gravel_dirt": "gravel",
    "cardboard_paper": "paper", "explosion_firework": "burst", "whoosh": "air",
    "ball_bounce": "rubber",
}  # fmt: skip
"""Palette of the recordings → the physical model nearest to it, where there is one."""


@dataclass(frozen=True)
class Target:
    """A held-out recording: its sound from the onset, and what asks for it."""

    sound: Floats
    palette: str
    family: str
    kind: Kind
    strength: float
    file: str


def targets(held: Recordings) -> list[Target]:
    """Held-out recordings, cut to HOPS."""
    kinds = read_held_out()
    found = []
    for index, file in enumerate(held.files):
        sound = held.sound(index)[: HOP * (HOPS - 1)]
        if len(sound) < SHORTEST:
            sound = np.pad(sound, (0, SHORTEST - len(sound)))
        family = held.families[held.family[index]]
        palette = family.split("/", 1)[0]
        strength = float(held.strength[index])
        found.append(Target(sound, palette, family, kinds[file], strength, file))
    return found


class Sampler:
    """Baseline: the nearest training recording by what was asked for, scaled to its level."""

    def __init__(self, train: Recordings) -> None:
        self._train = train
        self._palette = np.array([train.palettes[i] for i in train.palette])[train.family]

    def play(self, target: Target) -> Floats:
        """Nearest in strength within the family, else within the palette."""
        train = self._train
        family = np.array([train.families[i] == target.family for i in train.family])
        members = np.flatnonzero(family if family.any() else self._palette == target.palette)
        distance = np.abs(train.strength[members] - target.strength)
        best = int(members[np.argmin(distance)])
        gain = 10 ** (2 * (target.strength - train.strength[best]))
        return fit_length(np.float32(gain) * train.sound(best), len(target.sound))


def evaluate_voice(pack: Pack, folder: Path, *, sheets: Path | None = None) -> dict[str, Any]:
    """All measures of a pack's voice on a folder of recordings.

    Args:
        pack: its voice, palettes and families.
        folder: recordings with manifest.csv, of which the held-out list names some.
        sheets: folder for spectrogram sheets, real above made.
    """
    train, held = gather(folder), gather(folder, held_out=True)
    wanted = targets(held)
    player = pack_player(pack)
    embeddings = asked_embeddings(pack, wanted, train)
    made = play_targets(player, wanted, embeddings)
    others = [play_attacks(player, wanted, embeddings, seed=seed) for seed in OTHER_SEEDS]
    copied = copy_targets(player, wanted, embeddings)
    sampler = Sampler(train)
    rows = [
        compare(target, sound, copy, sampler)
        for target, sound, copy in zip(wanted, made, copied, strict=True)
    ]
    if sheets is not None:
        from synchresis.engines.evaluation.voice_sheets import write_sheets

        write_sheets(sheets, wanted, made, rows)
    return {
        "hits": summaries(rows),
        "takes": takes_apart(train),
        "far_attacks": far_shares(train, wanted, [made, *others]),
        "short_rises": short_rises(rows),
        "palettes": by_palette(rows),
        "judges": judge(train, wanted, made),
        "instrument": instrument(pack, player),
    }


def asked_embeddings(pack: Pack, wanted: list[Target], train: Recordings) -> Floats:
    """Embedding per target: its family's, or for a held-out family the mean of its palette's.

    Raises:
        InputError: the pack's voice did not learn a family of the recordings, or all families of a
            palette are held out.
    """
    table, names = load_families(pack)
    index = {name: i for i, name in enumerate(names)}
    present = {train.families[i] for i in np.unique(train.family)}
    strange = sorted(present - index.keys())
    if strange:
        raise InputError(
            f"the voice of {pack.name} did not learn {strange[0]}; give the recordings that it did"
        )
    means = {}
    for palette in {target.palette for target in wanted}:
        members = [index[n] for n in sorted(present) if n.split("/", 1)[0] == palette]
        if not members:
            raise InputError(f"no family of {palette} is left to learn from; add recordings of it")
        means[palette] = table[members].mean(axis=0)
    return np.stack(
        [table[index[t.family]] if t.family in present else means[t.palette] for t in wanted]
    ).astype(np.float32)


def play_targets(player: HitPlayer, wanted: list[Target], palette: Floats) -> list[Floats]:
    """The voice's hit for every target, onsets spread over the hop."""
    rng = np.random.default_rng(1)
    strength = np.array([target.strength for target in wanted], np.float32)
    hits = Hits(palette, strength, rng.integers(0, HOP, len(wanted)))
    sound = player.play(hits, HOPS)
    return [row[: len(t.sound)] for row, t in zip(sound, wanted, strict=True)]


def play_attacks(
    player: HitPlayer, wanted: list[Target], palette: Floats, *, seed: int
) -> list[Floats]:
    """As `play_targets`, but other takes at other places in the hop, and only their attacks."""
    rng = np.random.default_rng(seed)
    strength = np.array([target.strength for target in wanted], np.float32)
    hits = Hits(palette, strength, rng.integers(0, HOP, len(wanted)))
    return [*player.play(hits, HEARD // HOP + 1, seed=1000 * seed)]


def copy_targets(player: HitPlayer, wanted: list[Target], palette: Floats) -> list[Floats]:
    """Copy-synthesis: the targets' own mels through the same head."""
    rng = np.random.default_rng(2)
    begin = rng.integers(0, HOP, len(wanted))
    mel = np.stack(
        [copy_mel(t.sound, int(b) + RISE, HOPS) for t, b in zip(wanted, begin, strict=True)]
    )
    strength = np.array([target.strength for target in wanted], np.float32)
    sound = player.play(Hits(palette, strength, begin, mel=mel), HOPS)
    return [row[: len(t.sound)] for row, t in zip(sound, wanted, strict=True)]


def compare(target: Target, made: Floats, copied: Floats, sampler: Sampler) -> dict[str, Any]:
    """Distances of one target."""
    sampled = sampler.play(target)
    row: dict[str, Any] = {
        "file": target.file,
        "palette": target.palette,
        "kind": target.kind,
        "rise_ms": rise_ms(target.sound),
    }
    for prefix, sound in zip(PREFIXES, (made, copied, sampled), strict=True):
        found = errors_ms(sound, target.sound)
        row |= {f"{prefix}{name}": error for name, error in found.items()}
    versions = {"made": made, "copy": copied, "sampler": sampled}
    model = CLOSEST_MODEL.get(target.palette)
    if model is not None:
        versions["model"] = play_model(model, target)
    for name, sound in versions.items():
        row[f"{name}_mel"] = measures.mel_distance(sound, target.sound)
        row[f"{name}_stft"] = measures.stft_distance(sound, target.sound)
    return row


def play_model(name: str, target: Target) -> Floats:
    """The physical model's hit at the target's strength."""
    voice = ModelVoice((Zone(palette=f"model:{name}"),))
    state, controls = voice.initial_state(), Controls.zeros(1)
    controls.palette[:] = voice.palettes
    sound = np.zeros(HOP * HOPS, np.float32)
    for hop in range(HOPS):
        controls.onset[:] = hop == 0
        controls.strength[:] = target.strength if hop == 0 else 0.0
        controls.noise_index[:] = HOP * hop
        sound[HOP * hop : HOP * (hop + 1)] = voice.step(controls, state)[0]
    return sound[voice.latency_samples :][: len(target.sound)]


def summaries(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Means over all hits and by kind of what was held back."""
    groups = {"all": rows}
    for kind in ("velocity", "take", "family"):
        groups[kind] = [row for row in rows if row["kind"] == kind]
    return {name: summary(group) for name, group in groups.items() if group}


def summary(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Means and ratios of some hits."""
    out: dict[str, float] = {"count": len(rows)}
    for name in ("made", "copy", "sampler", "model"):
        for distance in ("mel", "stft"):
            values = [row[key] for row in rows if (key := f"{name}_{distance}") in row]
            if values:
                out[f"{name}_{distance}"] = float(np.mean(values))
    out["made_over_sampler_mel"] = out["made_mel"] / out["sampler_mel"]
    for prefix in PREFIXES:
        out |= spread_ms(rows, prefix)
    return out


def short_rises(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Attack errors of hits that come to 90 % of their loudest within FAR_MS."""
    short = [row for row in rows if row["rise_ms"] <= FAR_MS]
    out: dict[str, float] = {"count": len(short)}
    for prefix in PREFIXES:
        out |= spread_ms(short, prefix)
    return out


def by_palette(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Summary of every palette, worst first by log-mel."""
    names = sorted({row["palette"] for row in rows})
    parts = {name: summary([row for row in rows if row["palette"] == name]) for name in names}
    return dict(sorted(parts.items(), key=lambda item: -item[1]["made_mel"]))


def judge(train: Recordings, wanted: list[Target], made: list[Floats]) -> dict[str, float]:
    """Palette classifier trained on real recordings, and real against made."""
    numbers = {name: i for i, name in enumerate(train.palettes)}
    sounds = [fit_length(train.sound(i), HOP * (HOPS - 1)) for i in range(len(train.files))]
    rows = np.stack([judges.features(sound) for sound in sounds])
    classifier = judges.Discriminant.fit(rows, train.palette[train.family])
    known = [i for i, target in enumerate(wanted) if target.kind != "family"]
    truth = np.array([numbers[wanted[i].palette] for i in known])
    accuracy = {}
    for name, heard in (("real", [t.sound for t in wanted]), ("made", made)):
        chosen = [fit_length(heard[i], HOP * (HOPS - 1)) for i in known]
        guess = classifier.predict(np.stack([judges.features(sound) for sound in chosen]))
        accuracy[name] = float((guess == truth).mean())
    real = np.stack([judges.texture_features(wanted[i].sound) for i in known])
    fake = np.stack([judges.texture_features(made[i]) for i in known])
    return {
        "palette_accuracy_real": accuracy["real"],
        "palette_accuracy_made": accuracy["made"],
        "made_over_real": accuracy["made"] / accuracy["real"],
        "real_or_made_auc": judges.real_or_made_auc(real, fake),
        "count": len(known),
    }


def instrument(pack: Pack, player: HitPlayer) -> dict[str, Any]:
    """What a player feels: loudness against strength, silence, clicks, cost."""
    names = [entry.name for entry in pack.palettes]
    rising = {name: loudness_steps(pack, player, name) for name in names}
    monotone = [all(np.diff(levels) > 0) for levels in rising.values()]
    after = silence_after(pack, player, names)
    return {
        "palettes": len(names),
        "loudness_monotone_share": float(np.mean(monotone)),
        "loudness_not_monotone": [n for n, ok in zip(names, monotone, strict=True) if not ok],
        "loudness_range_db": float(np.median([steps[-1] - steps[0] for steps in rising.values()])),
        "after_decay_dbfs_worst": max(after.values()),
        "after_decay_palette": max(after, key=lambda name: after[name]),
        **rises([*played_everywhere(pack, player, names)]),
        **clicks(pack),
        **hop_cost(pack),
    }


def loudness_steps(pack: Pack, player: HitPlayer, name: str) -> list[float]:
    """Loudness of hits of rising strength, dB, mean of TAKES takes each."""
    steps = np.repeat(np.array(LOUD_STEPS, np.float32), TAKES)
    palette = np.repeat(pack.embedding(name)[None], len(steps), axis=0)
    sound = player.play(Hits(palette, steps, np.zeros(len(steps), np.int64)), 30)
    levels = np.array([measures.loudness_db(row) for row in sound]).reshape(-1, TAKES)
    return [float(level) for level in levels.mean(axis=1)]


def played_everywhere(pack: Pack, player: HitPlayer, names: list[str]) -> Floats:
    """Hits of every palette, soft to hard, some draws of each: float32[R, HEARD]."""
    palette = np.stack([pack.embedding(name) for name in names])
    played = []
    for seed in OTHER_SEEDS:
        for strength in RISE_STEPS:
            begin = np.random.default_rng(seed).integers(0, HOP, len(names))
            hits = Hits(palette, np.full(len(names), strength, np.float32), begin)
            played.append(player.play(hits, HEARD // HOP + 1, seed=seed))
    return np.concatenate(played)


def silence_after(pack: Pack, player: HitPlayer, names: list[str]) -> dict[str, float]:
    """Peak from 2 s after each palette's own -60 dB on, dBFS; palettes of like decay together."""
    names = sorted(names, key=lambda name: pack.palette(name).decay60_s)
    levels = {}
    for first in range(0, len(names), ROWS):
        group = names[first : first + ROWS]
        decays = [pack.palette(name).decay60_s for name in group]
        palette = np.stack([pack.embedding(name) for name in group])
        hits = Hits(palette, np.ones(len(group), np.float32), np.zeros(len(group), np.int64))
        sound = player.play(hits, int((decays[-1] + 2.5) * SAMPLE_RATE / HOP))
        for name, row, decay in zip(group, sound, decays, strict=True):
            rest = row[int((decay + 2.0) * SAMPLE_RATE) :]
            levels[name] = 20 * float(np.log10(np.abs(rest).max() + 1e-12))
    return levels


def clicks(pack: Pack) -> dict[str, float]:
    """Roughness at hop borders, in steady friction and while the palette changes every hop."""
    names = [entry.name for entry in pack.palettes]
    steady = measures.border_click_db(rub(pack, names[:1] * 2), HOP)
    morphing = measures.border_click_db(rub(pack, names[:2]), HOP)
    return {"border_click_db": steady, "palette_change_click_db": morphing}


def rub(pack: Pack, names: list[str]) -> Floats:
    """Two seconds of friction while the palette goes to and fro between two."""
    voice = Voice(pack, (Zone(palette=names[0]),), backend="onnx")
    voice.prepare()
    state, controls = voice.initial_state(), Controls.zeros(1)
    ends = np.stack([pack.embedding(name) for name in names])
    sound = []
    for hop in range(375):
        share = 0.5 - 0.5 * np.cos(2 * np.pi * hop / 60)
        controls.palette[0] = (1 - share) * ends[0] + share * ends[-1]
        controls.friction[:] = 0.8
        controls.noise_index[:] = HOP * hop
        sound.append(voice.step(controls, state)[0].copy())
    return np.concatenate(sound[20:])


def hop_cost(pack: Pack) -> dict[str, float]:
    """Time of one hop of one zone on one core, over the hop."""
    voice = Voice(pack, (Zone(palette=pack.palettes[0].name),), backend="onnx")
    voice.prepare()
    state, controls = voice.initial_state(), Controls.zeros(1)
    controls.palette[:] = voice.palettes
    taken = []
    for hop in range(1000):
        controls.onset[:] = hop % 40 == 0
        begin = time.perf_counter()
        voice.step(controls, state)
        taken.append(time.perf_counter() - begin)
    share = np.array(taken[100:]) * SAMPLE_RATE / HOP
    return {
        "hop_cost_p50": float(np.percentile(share, 50)),
        "hop_cost_p95": float(np.percentile(share, 95)),
        "hop_cost_p99": float(np.percentile(share, 99)),
    }
