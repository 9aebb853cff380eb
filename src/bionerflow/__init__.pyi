from bionerflow.api import Annotation as Annotation
from bionerflow.api import Model as Model
from bionerflow.api import PredictedEntity as PredictedEntity
from bionerflow.api import annotate as annotate
from bionerflow.api import evaluate as evaluate
from bionerflow.api import load as load
from bionerflow.data.schema import Entity as Entity
from bionerflow.data.schema import Span as Span
from bionerflow.formats import FORMATS as FORMATS
from bionerflow.utils.errors import UserError as UserError

__version__: str
