"""The peer of `based-tft bench`: pytorch-forecasting's Temporal Fusion Transformer on the series in a settings file.

A line on standard input asks, a line of JSON on standard output answers: `parameters`, `steps N` (takes N
optimiser steps and tells the seconds they took), `forecast` (every window whose horizon lies after the boundary).
"""

import json
import sys
import time
import warnings

warnings.filterwarnings("ignore")

import pandas
import torch
from pytorch_forecasting import GroupNormalizer, TemporalFusionTransformer, TimeSeriesDataSet
from pytorch_forecasting.metrics import QuantileLoss


def main(path):
    with open(path) as file:
        settings = json.load(file)
    torch.set_num_threads(settings["threads"])
    torch.manual_seed(settings["seed"])
    sizes = settings["sizes"]
    frame = pandas.read_csv(settings["series"])
    frame["row"] = frame.groupby("series").cumcount()
    for name in settings["static"]:
        frame[name] = frame[name].astype(str)
    known = settings["known"]
    training = TimeSeriesDataSet(
        frame[frame["row"] < settings["boundary"]],
        time_idx="row",
        target=settings["target"],
        group_ids=["series"],
        min_encoder_length=sizes["encoder"],
        max_encoder_length=sizes["encoder"],
        min_prediction_length=sizes["horizon"],
        max_prediction_length=sizes["horizon"],
        static_categoricals=settings["static"],
        time_varying_known_reals=known,
        time_varying_unknown_reals=[settings["target"]],
        target_normalizer=GroupNormalizer(groups=["series"]),
    )
    testing = TimeSeriesDataSet.from_dataset(
        training, frame, min_prediction_idx=settings["boundary"], stop_randomization=True
    )
    batch = settings["batch"]
    model = TemporalFusionTransformer.from_dataset(
        training,
        hidden_size=sizes["width"],
        hidden_continuous_size=sizes["width"],
        attention_head_size=sizes["heads"],
        lstm_layers=1,
        dropout=sizes["dropout"],
        loss=QuantileLoss(settings["quantiles"]),
    )
    optimiser = torch.optim.Adam(model.parameters())
    rates = iter(settings["rates"])

    def batches():
        while True:
            yield from training.to_dataloader(train=True, batch_size=batch, num_workers=0)

    # Batches are laid out before the clock starts: only forward, backward and the optimiser are timed.
    source = batches()

    def step(x, y):
        for group in optimiser.param_groups:
            group["lr"] = next(rates)
        optimiser.zero_grad()
        loss = model.loss.loss(model(x)["prediction"], y).mean()
        loss.backward()
        optimiser.step()
        return loss

    def answer(question):
        if question == "parameters":
            return {"parameters": sum(p.numel() for p in model.parameters() if p.requires_grad)}
        if question.startswith("steps "):
            model.train()
            prepared = [next(source) for _ in range(int(question.split()[1]))]
            start = time.perf_counter()
            for x, (y, _) in prepared:
                loss = step(x, y)
            return {"seconds": time.perf_counter() - start, "loss": loss.item()}
        if question == "forecast":
            model.eval()
            forecasts = []
            with torch.no_grad():
                for x, _ in testing.to_dataloader(train=False, batch_size=256, num_workers=0):
                    places = testing.x_to_index(x)
                    quantiles = model(x)["prediction"].sort(dim=-1).values.tolist()
                    for (_, place), rows in zip(places.iterrows(), quantiles):
                        forecasts.append(
                            {"series": place["series"], "present": int(place["row"]), "quantiles": rows}
                        )
            return {"forecasts": forecasts}
        raise SystemExit(f"unknown question {question!r}")

    for line in sys.stdin:
        print(json.dumps(answer(line.strip())), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
