"""Splink on the same sets and fields, as its own guide for Febrl sets it up; run by a Python that has it.

    python splink_beside.py FOLDER-OF-FEBRL SET[,SET] plain|street  →  a line of JSON: [[id, id, weight] …]

Nothing of ours is imported: tests/benchmarks/matching.py installs Splink into a folder of its own and calls this.
"""

from __future__ import annotations

import json
import sys

import pandas as pd
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on


def load(folder: str, names: list[str]) -> pd.DataFrame:
    """The sets as one table, each field a text; `name_swapped` lets exchanged names find each other."""
    frames = [pd.read_csv(f"{folder}/dataset{name}.csv", skipinitialspace=True, dtype=str) for name in names]
    table = pd.concat(frames, ignore_index=True).rename(columns={"rec_id": "unique_id"})
    table.columns = [column.strip() for column in table.columns]
    street = table[["street_number", "address_1", "address_2"]].fillna("").agg(" ".join, axis=1).str.strip()
    table["street"] = street.where(street != "", None)
    return table


def main() -> None:
    """Train on the sets themselves, predict, print."""
    folder, names, fields = sys.argv[1], sys.argv[2].split(","), sys.argv[3]
    table = load(folder, names)
    comparisons = [
        cl.JaroWinklerAtThresholds("given_name", [0.92, 0.8]).configure(term_frequency_adjustments=True),
        cl.JaroWinklerAtThresholds("surname", [0.92, 0.8]).configure(term_frequency_adjustments=True),
        cl.JaroWinklerAtThresholds("suburb", [0.92, 0.8]).configure(term_frequency_adjustments=True),
        cl.DamerauLevenshteinAtThresholds("postcode", [1, 2]),
    ]
    if fields == "street":
        comparisons.append(cl.JaroWinklerAtThresholds("street", [0.92, 0.8]))
    rules = [block_on("given_name", "surname"), block_on("postcode", "given_name"), block_on("postcode", "surname")]
    rules += [block_on("suburb", "surname"), block_on("suburb", "given_name"), block_on("suburb", "postcode")]
    rules += [block_on("substr(given_name, 1, 3)", "substr(surname, 1, 3)")]
    if fields == "street":
        rules.append(block_on("postcode", "substr(street, 1, 6)"))
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=comparisons,
        blocking_rules_to_generate_predictions=rules,
        retain_intermediate_calculation_columns=False,
    )
    api = DuckDBAPI()
    linker = Linker(api.register(table) if hasattr(api, "register") else table, settings)
    linker.training.estimate_probability_two_random_records_match(
        [block_on("given_name", "surname", "postcode")], recall=0.6
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=5e6, seed=1)
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("given_name", "surname"))
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("postcode", "suburb"))
    found = linker.inference.predict(threshold_match_weight=-20)
    frame = found.as_pandas_dataframe() if hasattr(found, "as_pandas_dataframe") else found.df()
    pairs = frame[["unique_id_l", "unique_id_r", "match_weight"]].values.tolist()
    print(json.dumps([[one, other, round(weight, 3)] for one, other, weight in pairs]))


if __name__ == "__main__":
    main()
