"""Writes Tests/LearnersTests/Fixtures/forecasts.json: River's forecasts of the airline passengers (Box and Jenkins 1976),
three records ahead, before each record is learned. Needs river (0.26.1)."""

import json
import pathlib

from river import datasets, time_series

HORIZON = 3
series = [y for _, y in datasets.AirlinePassengers()]

MODELS = {
    "holt-winters": [
        {"alpha": 0.3, "beta": 0.1, "gamma": 0.6, "seasonality": 12, "multiplicative": True},
        {"alpha": 0.5, "beta": 0.2},
        {"alpha": 0.4},
    ],
    "snarimax": [
        {"p": 12, "d": 1, "q": 12, "m": 12, "sd": 1},
        {"p": 2, "d": 0, "q": 1, "m": 12, "sp": 2, "sq": 1},
        {"p": 4, "d": 2, "q": 0},
    ],
}


def forecasts(model, first):
    rows = []
    for index, target in enumerate(series):
        rows.append(model.forecast(HORIZON) if index >= first else None)
        model.learn_one(target)
    return rows


cases = []
for name, choices in MODELS.items():
    for choice in choices:
        model = time_series.HoltWinters(**choice) if name == "holt-winters" else time_series.SNARIMAX(**choice)
        # From when on lags are no longer fewer than asked for, and gradient descent has calmed down: before, River's
        # forecasts lie far outside of all that was seen, where ours do not go.
        first = 60
        fields = {key: str(value).lower() for key, value in choice.items()}
        if name == "holt-winters":
            fields = {"beta": "0", "gamma": "0", "seasonality": "0"} | fields
        else:
            fields = {"m": "1", "regressor": "sgd"} | fields
        cases.append({"learner": name, "fields": fields, "forecasts": forecasts(model, first)})

path = pathlib.Path(__file__).parent.parent / "Tests/LearnersTests/Fixtures/forecasts.json"
path.write_text(json.dumps({"series": series, "horizon": HORIZON, "cases": cases}) + "\n")
