"""Training: recipe in, run folder out."""

from collections.abc import Sequence

import keras

from zoo.errors import UserError
from zoo.training import checkpoint, faults
from zoo.training.callbacks import Callbacks, check_callbacks
from zoo.training.cluster import Group, check_shared, join
from zoo.training.course import Course
from zoo.training.data import kept_line
from zoo.training.folder import FollowedFolder, RunFolder
from zoo.training.interrupt import Interrupt
from zoo.training.lines import headline
from zoo.training.memory import fitting
from zoo.training.recipe import Recipe
from zoo.training.resume import as_begun, check_same, check_same_data, restore_newest
from zoo.training.session import Session, open_session
from zoo.training.watch import Watch


def train(
    recipe: Recipe,
    folder: RunFolder,
    *,
    resume: bool,
    watch: Watch,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    cluster: str | None = None,
) -> None:
    """Trains a recipe into a run folder.

    One of several workers does its part; the first of them alone writes.

    Args:
        recipe: With overrides applied.
        folder: Where to; made here.
        resume: Go on from the last checkpoint, if there is one: the run ends as if it had
            never stopped, on processors bit for bit.
        watch: Told what goes on.
        callbacks: Keras' or such as Keras' are; see :class:`zoo.training.callbacks.Callbacks`.
        cluster: As :func:`zoo.training.cluster.join` takes it.

    Raises:
        UserError: For anything that keeps the run from going on, such as another process in
            the folder, or a run there that is not to be resumed; when a step does not fit into
            memory; when the loss is no longer a number, going back and lowering the rate
            notwithstanding.
        WorkerLostError: When another worker is gone.
        KeyboardInterrupt: After Ctrl-C or SIGTERM, once the run is saved, or done; after a second
            one without that.
    """
    check_callbacks(callbacks)
    # Before anything else: TensorFlow joins others only as long as it has computed nothing.
    group = join(cluster)
    with group.watched(), faults.told():
        _train(recipe, folder, resume, watch, callbacks, group)


def _train(
    recipe: Recipe,
    folder: RunFolder,
    resume: bool,
    watch: Watch,
    callbacks: Sequence[keras.callbacks.Callback],
    group: Group,
) -> None:
    folder = folder if group.is_chief else FollowedFolder(folder.path)
    # Before the data are read and until the end: in between another process would begin here too.
    with folder.claimed():
        if folder.holds_run and not resume:
            raise UserError(
                f"{folder.path} holds a run already; add --resume, or choose another --run"
            )
        resumed = group.agreed(group.is_chief and resume and bool(folder.saved))
        if resumed:
            check_shared(folder.recipe_file, group)
            recipe = as_begun(recipe, folder)
        runs = folder.path.parent
        session = open_session(recipe, watch, resumed=resumed, runs=runs, group=group)
        told = Callbacks(callbacks, session)
        with Interrupt() as interrupt:
            state = _begin(session, told, folder, resumed, watch, group)
            watch.say(headline(session))
            watch.say(kept_line(session.train, session.validation, session.recipe))
            watch.notes(session.notes)
            with fitting(session.recipe, group.devices):
                Course(session, folder, watch, interrupt, state, told, group).run(resumed)
            # After the last step nothing else asks: the run is done, what would follow it is not.
            if group.agreed(interrupt.noticed):
                raise KeyboardInterrupt


def _begin(
    session: Session,
    told: Callbacks,
    folder: RunFolder,
    resumed: bool,
    watch: Watch,
    group: Group,
) -> checkpoint.Progress:
    """Writes what a run folder says of a run, or goes on as it says; returns where the run is."""
    facts = session.facts
    if not resumed:
        folder.create(session.recipe, facts)
        check_shared(folder.recipe_file, group)
        return checkpoint.Progress()
    begun = folder.recipe()
    # Weights of classes may have been taken from the data, which are then what is to be told of;
    # what else the recipe says may be why the data are others.
    check_same(session.recipe.model_copy(update={"loss": begun.loss}), begun)
    check_same_data(facts, folder)
    longer = check_same(session.recipe, begun)
    variables = session.phases.variables | told.variables
    state, said = restore_newest(folder, variables, session.recipe.epochs, group)
    session.phases.enter(state.epoch, state.step)
    watch.say(said)
    if longer:
        watch.say(longer)
    if state.epoch < session.recipe.epochs:
        folder.withdraw_model()
    if session.recipe != begun:
        # Where the data are now is where they are looked for from here on.
        folder.create(session.recipe, folder.data())
    return state
