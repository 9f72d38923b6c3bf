"""Planning a recipe for a data set, from what is measured of it and of the machine."""

from zoo.plan.plan import Plan, plan_recipe
from zoo.plan.write import recipe_text, write_recipe

__all__ = ["Plan", "plan_recipe", "recipe_text", "write_recipe"]
