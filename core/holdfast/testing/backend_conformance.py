"""What every backend must do. Subclass :class:`BackendConformance`; pytest runs the rest.

The suite needs pytest, which holdfast's extra ``test`` installs.
"""

from __future__ import annotations

from holdfast.testing.backend_suite import BackendSuite
from holdfast.testing.device_checks import DeviceChecks
from holdfast.testing.kernel_checks import KernelChecks
from holdfast.testing.session_checks import SessionChecks
from holdfast.testing.source_checks import SourceChecks
from holdfast.testing.update_checks import UpdateChecks

__all__ = ["BackendConformance"]


class BackendConformance(DeviceChecks, KernelChecks, UpdateChecks, SourceChecks, SessionChecks, BackendSuite):
    """The conformance suite of backends.

    A subclass whose name begins with ``Test`` gives a fixture ``backend``, which returns a fresh backend, and the
    methods :meth:`put` and :meth:`get`, which move values by means of the library itself: the suite does not trust the
    device's own transfers. What the backend cannot run stands in :attr:`unsupported`, each op type with a reason.
    Nothing else of the suite can be replaced.

    Examples
    --------
    ::

        class TestMine(BackendConformance):
            @pytest.fixture
            def backend(self):
                return MyBackend({})

            def put(self, device, array):
                return mylib.asarray(array, copy=True)

            def get(self, array):
                return mylib.to_numpy(array)
    """
