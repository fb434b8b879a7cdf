"""All packaged tables load, keep their rules, and names resolve."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpumix import catalog
from gpumix.catalog.checks import model_problems
from gpumix.catalog.tables import packaged
from gpumix.domain.evidence import Basis
from gpumix.errors import InputError, UnknownName
from gpumix.files import read_columns

GPU_SHEET = "id,mem_gb,mem_bw_gbs,bf16_tflops,fp16_tflops,tdp_w\n"


@pytest.fixture(scope="module")
def cat() -> catalog.Catalog:
    return catalog.load()


def sheet(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "sheet.csv"
    path.write_text(text, encoding="utf-8")
    return path


def problems(error: pytest.ExceptionInfo[InputError]) -> str:
    return "\n".join(str(problem) for problem in error.value.problems)


def test_every_table_is_there(cat: catalog.Catalog) -> None:
    assert len(cat.gpus) == 47
    assert len(cat.models) == 196
    assert len(cat.servers) == 10
    assert set(cat.countries) == {"BD", "IN", "VN", "NG", "DE", "US", "SG"}
    assert {quote.kind for quote in cat.capex} == {"server", "baseboard", "card"}
    planning = read_columns(packaged("planning.csv"))["parameter"]
    assert len(cat.defaults) == 89 + len(planning)  # costs of ownership, and planning
    assert {"speculation_acceptance", "speculation_depth"} <= set(planning)
    assert cat.coefficients.inference
    assert cat.coefficients.fitted_on


def test_published_figures(cat: catalog.Catalog) -> None:
    """H100 SXM5 data sheet: 80 GB, 3.35 TB/s, 989 dense BF16 TFLOP/s, 700 W; L40S: 733 FP8."""
    h100, l40s = cat.gpus["h100-sxm-80gb"], cat.gpus["l40s-48gb"]
    assert (h100.mem_gib, h100.bandwidth_gb_per_s, h100.tdp_w) == (80, 3350, 700)
    assert h100.bf16_tflops == pytest.approx(989.4)
    assert l40s.fp8_tflops == 733
    llama = cat.models["meta-llama/Llama-3.1-8B-Instruct"]
    assert llama.kv_bytes_per_token_16bit == 131072
    assert cat.models["deepseek-ai/DeepSeek-V3"].kv_bytes_per_token_16bit == 70272


def test_absent_is_none(cat: catalog.Catalog) -> None:
    assert cat.gpus["a100-sxm-80gb"].fp8_tflops is None
    assert cat.gpus["t4-16gb"].bf16_tflops is None
    assert cat.gpus["t4-16gb"].flops_16bit == 65e12
    assert cat.models["black-forest-labs/FLUX.1-dev"].context is None
    assert cat.defaults["colo_usd_kw_month_bd"].typical is None


def test_tables_refer_to_each_other(cat: catalog.Catalog) -> None:
    assert {server.gpu for server in cat.servers} <= set(cat.gpus)
    assert {quote.gpu for quote in cat.capex} <= set(cat.gpus)
    assert set(cat.gpu_aliases.values()) <= set(cat.gpus)
    assert set(cat.model_aliases.values()) <= set(cat.models)


def test_country_shares(cat: catalog.Catalog) -> None:
    """Bangladesh FY2025-26, HS 8471.50: 17.875 % in all, 12.875 of it advance tax."""
    country = cat.countries["BD"]
    assert country.import_tax_share == pytest.approx(0.17875)
    assert country.import_tax_advance_share == pytest.approx(0.12875)
    assert country.cost_of_capital == pytest.approx(0.13)
    assert country.currency == "BDT"


def test_evidence_is_a_spread(cat: catalog.Catalog) -> None:
    inference, training = cat.evidence_inference, cat.evidence_training
    assert 200 < len(inference["id"]) < 1000
    assert {"calib", "dev"} <= set(inference["split"])
    assert set(inference["usable"]) == {"yes"} == set(training["usable"])
    assert len(set(inference["source_id"])) >= 10
    assert {"vllm", "sglang", "tensorrt-llm"} <= set(inference["engine"])
    assert set(inference["gpu"]) | set(training["gpu"]) <= set(cat.gpus)
    assert all(float(value) > 0 for value in inference["value"] + training["value"])


def test_names_resolve_in_any_case(cat: catalog.Catalog) -> None:
    assert cat.gpu("H100-SXM-80GB").id == "h100-sxm-80gb"
    assert cat.gpu("L40S").id == "l40s-48gb"
    assert cat.model("qwen/qwen3-8b").id == "Qwen/Qwen3-8B"
    assert cat.model("GPT OSS 120B").id == "openai/gpt-oss-120b"


def test_unknown_names_suggest(cat: catalog.Catalog) -> None:
    with pytest.raises(UnknownName, match=r"did you mean h100-sxm-80gb"):
        cat.gpu("h100-smx-80gb", "--gpus")
    with pytest.raises(UnknownName, match=r"workloads\.chat\.model.*Llama-3\.1-8B-Instruct"):
        cat.model("meta-llama/Llama-3.1-8B-Instrct", "workloads.chat.model")


def test_gpu_sheet_adds_and_replaces(tmp_path: Path) -> None:
    path = sheet(tmp_path, GPU_SHEET + "x1,96,4000,1000,,700\nh100-sxm-80gb,80,3000,900,900,650\n")
    gpus = catalog.load(gpus=path).gpus
    assert len(gpus) == 48
    assert gpus["x1"].fp8_tflops is None
    assert gpus["x1"].nvlink_gb_per_s == 0.0
    assert gpus["h100-sxm-80gb"].bandwidth_gb_per_s == 3000


def test_a_copy_under_another_name_is_the_same_part(tmp_path: Path, cat: catalog.Catalog) -> None:
    from dataclasses import replace

    from gpumix.catalog.tables import packaged

    for table, attribute in (("gpus.csv", "gpus"), ("models.csv", "models")):
        lines = packaged(table).read_text(encoding="utf-8").splitlines()
        path = sheet(tmp_path, "\n".join([lines[0], *("made-up-" + line for line in lines[1:])]))
        overlaid = getattr(catalog.load(**{attribute: path}), attribute)
        for id, record in getattr(cat, attribute).items():
            copy = overlaid["made-up-" + id]
            if attribute == "gpus":  # what it has beside its speed is in a table of its own
                copy = replace(copy, features=record.features)
            assert replace(copy, id=id) == record


def test_gpu_sheet_reports_every_bad_row_with_its_line(tmp_path: Path) -> None:
    rows = [
        "ok,80,2000,300,,300",
        "nan-memory,nan,2000,300,,300",
        "negative,80,-1,300,,300",
        "no-peak,80,2000,,,300",
        ",80,2000,300,,300",
        "bytes,85899345920,2000,300,,300",
        "words,eighty,2000,300,,",
    ]
    with pytest.raises(InputError) as error:
        _ = catalog.load(gpus=sheet(tmp_path, GPU_SHEET + "\n".join(rows))).gpus
    text = problems(error)
    for line, what in [
        (3, "mem_gb is 'nan'"),
        (4, "mem_bw_gbs is '-1'"),
        (5, "no 16-bit peak"),
        (6, "id is empty"),
        (7, "mem_gb is 8.58993e+10"),
        (8, "mem_gb is 'eighty'"),
        (8, "tdp_w is empty"),
    ]:
        assert any(f"line {line}: " in row and what in row for row in text.splitlines()), what
    assert "line 2" not in text


def test_sheet_columns(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        _ = catalog.load(gpus=sheet(tmp_path, "id,mem_gb,mem_bw,tdp_w\n")).gpus
    assert "'mem_bw_gbs' is missing" in problems(error)
    assert "unknown column 'mem_bw' (did you mean mem_gb, mem_bw_gbs?)" in problems(error)


def test_a_folder_is_no_sheet(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a directory"):
        _ = catalog.load(models=tmp_path).models


MODEL_SHEET = "hf_id,kind,params_total_b,computed_total_b,layers,hidden,heads,published_rounded\n"


def test_model_size_must_agree_with_its_shape(tmp_path: Path) -> None:
    """A catalogue that lists a 12B model with a 2B model's shape is caught."""
    path = sheet(tmp_path, MODEL_SHEET + "google/gemma-3-12b,llm-dense,12.19,2.61,26,2304,8,\n")
    with pytest.raises(InputError, match=r"line 2: .*shape counts 2\.61.*-78\.6%"):
        _ = catalog.load(models=path).models


@pytest.mark.parametrize(
    ("kind", "total", "computed", "rounded", "bad"),
    [
        ("llm-dense", "8.03", "8.12", "", False),
        ("llm-dense", "8.03", "8.13", "", True),
        ("llm-multimodal", "8.77", "8.19", "", False),
        ("llm-multimodal", "8.19", "8.77", "", True),
        ("llm-dense", "1.7", "1.652", "yes", False),
        ("llm-dense", "1.7", "1.652", "no", True),
        ("llm-dense", "1.7", "1.652", "published rounded", True),
        ("llm-dense", "8.03", "", "", False),
    ],
)
def test_size_exceptions(
    tmp_path: Path, kind: str, total: str, computed: str, rounded: str, bad: bool
) -> None:
    path = sheet(tmp_path, f"{MODEL_SHEET}m,{kind},{total},{computed},32,4096,32,{rounded}\n")
    if bad:
        with pytest.raises(InputError, match=r"must agree within|write yes or no"):
            _ = catalog.load(models=path).models
    else:
        assert catalog.load(models=path).models["m"].params_total_b == float(total)


def test_model_sheet_problems(tmp_path: Path) -> None:
    path = sheet(
        tmp_path,
        MODEL_SHEET
        + "a,llm,8,,32,4096,32,\n"
        + "b,llm-dense,0,,32,4096,32,\n"
        + "c,llm-dense,8,,,4096,32,\n"
        + "d,llm-dense,8,,32.5,4096,32,\n",
    )
    with pytest.raises(InputError) as error:
        _ = catalog.load(models=path).models
    text = problems(error)
    assert "line 2: kind is 'llm'" in text
    assert "line 3: params_total_b is 0" in text
    assert "line 4: layers is empty" in text
    assert "line 5: layers is 32.5" in text


def test_packaged_models_keep_the_rule(cat: catalog.Catalog) -> None:
    assert [p for model in cat.models.values() for p in model_problems(model, "")] == []


def test_sources_everywhere(cat: catalog.Catalog) -> None:
    records = [*cat.gpus.values(), *cat.models.values(), *cat.servers, *cat.capex, *cat.offers]
    assert all(record.source for record in records)
    assert all(item.basis in Basis for item in cat.defaults.values())


@pytest.mark.parametrize(
    ("row", "peak"),
    [
        ("h100-sxm-80gb,80,3350,1979,,700", "bf16_tflops 1979"),  # the data sheet's largest figure
        ("our-l40s,48,864,,724,350", "fp16_tflops 724"),  # a part known by memory and bandwidth
        ("our-l40s,48,864,362,362,350", ""),  # dense of the L40S, twice that of the L40
        ("our-own,100,3350,1979,,700", ""),  # no part of the catalogue
    ],
)
def test_sparse_peaks_are_refused(tmp_path: Path, row: str, peak: str) -> None:
    path = sheet(tmp_path, GPU_SHEET + row + "\n")
    if not peak:
        assert row.partition(",")[0] in catalog.load(gpus=path).gpus
        return
    with pytest.raises(InputError) as error:
        catalog.load(gpus=path)
    assert "line 2" in problems(error)
    assert f"{peak} is the peak with 2:4 sparsity" in problems(error)
