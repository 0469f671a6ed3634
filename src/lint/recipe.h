/* lint/recipe.h - the rules of Dockerfiles, asked of an image. */
#pragma once

#include "lint/facts_image.h"
#include "lint/rule.h"

struct linter;

/* Findings of rows that hold of images and have no check for them, with places such as "config: Env". */
void lint_recipe(struct lint *l, const struct linter *linter, const struct image_facts *f);
