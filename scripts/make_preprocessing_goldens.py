#!/usr/bin/env python3
"""Writes Tests/PreprocessingTests/Fixtures/steps.json: what river, scikit-learn, scipy and datetime make of the same
data. Needs: pip install river scikit-learn scipy numpy. The file names the versions it was written with."""
import datetime
import json
import os

import numpy as np
import river
import scipy
import sklearn
from river import feature_extraction, preprocessing, stats, utils
from scipy.special import log1p
from scipy import stats as scipy_stats
from sklearn.decomposition import PCA, IncrementalPCA
from sklearn.feature_selection import VarianceThreshold, chi2, f_classif
from sklearn.metrics import mutual_info_score
from sklearn.preprocessing import KBinsDiscretizer, Normalizer, PowerTransformer, RobustScaler, TargetEncoder

rng = np.random.default_rng(7)


def progressive(transformer, rows):
    """Transform with what is known, then learn."""
    out = []
    for row in rows:
        out.append(transformer.transform_one(row))
        transformer.learn_one(row)
    return out


skewed = np.round(rng.lognormal(1, 1, 200), 4)
mixed = np.round(rng.normal(0, 3, (60, 3)), 4)
goldens = {"versions": {"river": river.__version__, "scikit-learn": sklearn.__version__, "scipy": scipy.__version__}}
goldens["skewed"] = skewed.tolist()
goldens["mixed"] = mixed.tolist()

goldens["robust"] = [0.0, 0.0] + [
    float(RobustScaler().fit(skewed[:i].reshape(-1, 1)).transform([[skewed[i]]])[0, 0]) for i in range(2, len(skewed))
]
for norm in ["l1", "l2", "max"]:
    goldens["normalize_" + norm] = Normalizer(norm=norm).fit_transform(mixed).tolist()
goldens["power"] = {
    str(exponent): scipy_stats.yeojohnson(mixed[:, 0], lmbda=exponent).tolist()
    for exponent in [-1.0, 0.0, 0.5, 1.0, 2.0, 3.0]
}
goldens["power_exponent"] = float(PowerTransformer().fit(skewed.reshape(-1, 1)).lambdas_[0])

correlated = np.round(mixed @ np.array([[1, 0.8, 0.1], [0, 0.5, 0.3], [0, 0, 2]]) + [5, -3, 10], 4)
goldens["correlated"] = correlated.tolist()
whitened = PCA(whiten=True).fit_transform(correlated) * np.sqrt(len(correlated) / (len(correlated) - 1))
goldens["whiten_pca"] = whitened.tolist()
goldens["pca"] = IncrementalPCA(batch_size=12).fit(correlated).transform(correlated).tolist()
centred = correlated - correlated.mean(axis=0)
values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
goldens["whiten_zca"] = (centred @ vectors @ np.diag(values**-0.5) @ vectors.T).tolist()

modes = [int(x) for x in rng.integers(0, 6, 80)]
imputer = preprocessing.StatImputer(("x", stats.Mode()))
goldens["mode_input"] = [None if i % 4 == 3 else m for i, m in enumerate(modes)]
goldens["mode"] = [
    row["x"] for row in progressive(imputer, [{"x": m} for m in goldens["mode_input"]])
]

extender = feature_extraction.PolynomialExtender(degree=2, include_bias=False)
goldens["polynomial"] = [
    [r["0*0"], r["0*1"], r["0*2"], r["1*1"], r["1*2"], r["2*2"]]
    for r in (extender.transform_one({str(i): x for i, x in enumerate(row)}) for row in mixed.tolist())
]

categories = [int(x) for x in rng.integers(1, 7, 120)]
goldens["categories"] = categories
encoder = preprocessing.OrdinalEncoder()
goldens["ordinal"] = [row["c"] for row in progressive(encoder, [{"c": c} for c in categories])]
labels = [int(rng.random() < c / 8) for c in categories]
goldens["labels"] = labels
target = TargetEncoder(smooth=10.0, target_type="binary").fit(np.array(categories).reshape(-1, 1), labels)
goldens["target_encode"] = {
    str(c): float(target.transform(np.array([[c]]))[0, 0]) for c in sorted(set(categories)) + [99]
}

words = "the quick brown fox jumps over an idle dog and the cat".split()
texts = [" ".join(rng.choice(words, int(n))) for n in rng.integers(1, 9, 40)]
goldens["texts"] = texts
tfidf = feature_extraction.TFIDF()
goldens["tfidf"] = [sorted(row.values()) for row in progressive(tfidf, texts)]
bag = feature_extraction.BagOfWords(ngram_range=(1, 2))
goldens["bag"] = [sorted(bag.transform_one(text).values()) for text in texts]

window = {"mean": utils.Rolling(stats.Mean, window_size=7), "variance": utils.Rolling(stats.Var, window_size=7)}
window["max"] = stats.RollingMax(7)
window["min"] = stats.RollingMin(7)
goldens["rolling"] = {name: [] for name in window}
for index, x in enumerate(skewed.tolist()):
    for name, stat in window.items():
        defined = index > 1 or (index > 0 and name != "variance")
        goldens["rolling"][name].append(stat.get() if defined else None)
        stat.update(x)

sparse = np.where(rng.random((80, 5)) < 0.4, np.round(rng.exponential(2, (80, 5)), 3), 0)
sparse[:, 3] = 1
y = (sparse[:, 0] + rng.normal(0, 1, 80) > 0.8).astype(int)
goldens["sparse"] = sparse.tolist()
goldens["sparse_labels"] = y.tolist()
goldens["variances"] = sparse.var(axis=0).tolist()
goldens["kept_by_variance"] = VarianceThreshold(1.5).fit(sparse).get_support(indices=True).tolist()
goldens["chi2"] = chi2(sparse, y)[0].tolist()
goldens["mutual_information"] = [float(mutual_info_score(sparse[:, i] > 0, y)) for i in range(5)]
goldens["correlation"] = [
    0.0 if i == 3 else abs(float(np.corrcoef(sparse[:, i], y)[0, 1])) for i in range(5)
]

times = ["1970-01-01T00:00:00Z", "2026-11-21T15:16:59.250+01:00", "2024-02-29 23:59:59", "1999-12-31", "2000-03-01T06:30Z"]
goldens["times"] = []
for text in times:
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)
    moment = moment.astimezone(datetime.timezone.utc)
    goldens["times"].append(
        {"text": text, "epoch": moment.timestamp(), "hour": moment.hour, "minute": moment.minute,
         "second": moment.second, "weekday": moment.weekday(), "day": moment.day, "month": moment.month,
         "year": moment.year, "yearday": moment.timetuple().tm_yday, "quarter": (moment.month + 2) // 3,
         "weekend": int(moment.weekday() > 4)})

values = goldens["mode_input"]
for name, stat in {"mean": stats.Mean(), "median": None, "previous": None}.items():
    seen, filled = [], []
    for x in values:
        known = {"mean": np.mean, "median": np.median, "previous": lambda v: v[-1]}[name]
        filled.append(x if x is not None else float(known(seen)) if seen else 0.0)
        if x is not None:
            seen.append(x)
    goldens["impute_" + name] = filled
river_means = progressive(preprocessing.StatImputer(("x", stats.Mean())), [{"x": m} for m in values])
assert np.allclose([row["x"] for row in river_means], goldens["impute_mean"])

names = [None if i % 5 == 2 else c for i, c in enumerate(categories)]
goldens["category_input"] = names
imputer = preprocessing.StatImputer(("c", stats.Mode()))
goldens["category_mode"] = [row["c"] for row in progressive(imputer, [{"c": c} for c in names])]

grouped = [{"x": m, "g": categories[i] % 3} for i, m in enumerate(values)]
imputers = {g: preprocessing.StatImputer(("x", stats.Mean())) for g in range(3)}
goldens["group_mean"] = []
for i, row in enumerate(grouped):
    # In a group that has no value yet River knows none either.
    known = row["x"] is not None or any(o["x"] is not None and o["g"] == row["g"] for o in grouped[:i])
    goldens["group_mean"].append(imputers[row["g"]].transform_one({"x": row["x"]})["x"] if known else None)
    imputers[row["g"]].learn_one({"x": row["x"]})

goldens["log"] = (np.sign(mixed) * log1p(np.abs(mixed))).tolist()
bins = KBinsDiscretizer(n_bins=5, encode="ordinal", strategy="quantile", quantile_method="linear")
goldens["quantile_bins"] = bins.fit_transform(skewed.reshape(-1, 1))[:, 0].tolist()
low, high = np.quantile(skewed, [0.05, 0.95])
goldens["clip_quantile"] = np.clip(skewed, low, high).tolist()
deviation = scipy_stats.median_abs_deviation(skewed)
score = 0.6745 * np.abs(skewed - np.median(skewed)) / deviation
goldens["outliers"] = (score > 3.5).astype(int).tolist()

users = [c % 4 for c in categories]
amounts = skewed[: len(users)].tolist()
history = {}
goldens["lag"], goldens["decayed"], goldens["frequency"] = [], [], []
for i, (user, x) in enumerate(zip(users, amounts)):
    past = history.setdefault(user, [])
    goldens["lag"].append([past[-1] if past else None, past[-2] if len(past) > 1 else None])
    weights = 0.5 ** (np.arange(len(past), 0, -1) / 3)
    mean = float(np.average(past, weights=weights)) if past else None
    variance = float(np.average((np.array(past) - mean) ** 2, weights=weights)) if past else None
    goldens["decayed"].append([float(weights.sum()), mean, variance])
    goldens["frequency"].append(users[:i].count(user) / i if i else 0.0)
    past.append(x)

goldens["expression"] = [
    float(a / b + max(np.exp(a / 10), b**3) - np.log(abs(a) + 1) * np.sqrt(abs(c))) for a, b, c in mixed.tolist()
]

three = np.digitize(sparse[:, 0] + rng.normal(0, 1, 80), [0.5, 2])
goldens["three_labels"] = three.tolist()
goldens["three_chi2"] = chi2(sparse, three)[0].tolist()
goldens["three_mutual_information"] = [float(mutual_info_score(sparse[:, i] > 0, three)) for i in range(5)]
with np.errstate(all="ignore"):
    f = np.nan_to_num(f_classif(sparse, three)[0])
# F = (between / 2) / (within / 77), so between / (between + within) = 2 F / (2 F + 77).
goldens["three_correlation"] = np.sqrt(2 * f / (2 * f + 77)).tolist()

path = os.path.join(os.path.dirname(__file__), "../Tests/PreprocessingTests/Fixtures/steps.json")
with open(path, "w") as file:
    json.dump(goldens, file, separators=(",", ":"))
    file.write("\n")
