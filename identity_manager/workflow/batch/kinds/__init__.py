"""The kinds of batch orders; each is a module here, and calls the verb of the single page for each line."""

from identity_manager.models import BatchKind, BatchOrder
from identity_manager.workflow.batch.kinds.cancel import CANCEL
from identity_manager.workflow.batch.kinds.enable import ENABLE
from identity_manager.workflow.batch.kinds.hold import HOLD, REINSTATE
from identity_manager.workflow.batch.kinds.kind import OrderKind
from identity_manager.workflow.batch.kinds.persons import ACTIVATE, DEACTIVATE, LETTERS
from identity_manager.workflow.batch.kinds.remind import REMIND
from identity_manager.workflow.batch.kinds.renew import RENEW
from identity_manager.workflow.batch.kinds.replace import REPLACE
from identity_manager.workflow.batch.kinds.resend import RESEND
from identity_manager.workflow.batch.kinds.revoke import REVOKE

OF_TOKENS = (ENABLE, RENEW, REPLACE, REVOKE, HOLD, REINSTATE, RESEND)
OF_OTHERS = (REMIND, CANCEL, ACTIVATE, DEACTIVATE, LETTERS)
KINDS = {each.kind: each for each in (*OF_TOKENS, *OF_OTHERS)}


def kind_of(order: BatchOrder) -> OrderKind:
    return KINDS[BatchKind(order.kind)]
