"""Ready requests: programs beside a published model that ask a server for its answers.

They lie in ``assets.extra/requests`` of every version, which servers pass over, and run as they
are against a server on this machine, be it TensorFlow Serving or ``zoo serve``.
"""

import inspect
from pathlib import Path
from urllib.parse import quote

import jinja2

from zoo.stems import distinct_stems, write_new

REQUESTS = Path("assets.extra") / "requests"


def write_requests(version: Path, name: str, *, reads_bytes: bool, answers_mask: bool) -> None:
    """Writes ``curl.sh``, ``rest.py`` and ``grpc_predict.py``.

    Args:
        version: The folder of the SavedModel.
        name: Of the model, as servers know it.
        reads_bytes: Whether the model takes encoded pictures, or else arrays.
        answers_mask: Whether it answers with a mask.
    """
    folder = version / REQUESTS
    folder.mkdir(parents=True)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    facts = {"bytes": reads_bytes, "mask": answers_mask}
    # The name may hold what an address or a string may not.
    facts |= {"name": name, "path": quote(name, safe="")}
    facts["distinct_stems"] = inspect.getsource(distinct_stems).rstrip()
    facts["write_new"] = inspect.getsource(write_new).rstrip()
    for template in environment.list_templates(extensions=["j2"]):
        text = environment.get_template(template).render(facts)
        (folder / template.removesuffix(".j2")).write_text(text, encoding="utf-8")
